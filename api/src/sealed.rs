//! Sealed contents in documents, opened for whoever may read the document.
//!
//! Documents hold `content_sealed`; readers get `content`: the text, or `null` once its key was destroyed.

use reef_commands::{activity::open_activity, conversation::open_message, ports::VaultError};
use reef_domain::{AccountId, AgentId, ConversationId, MessageId};
use reef_projections::{
    Projection,
    views::{
        activity::{Activities, ActivityDoc},
        message::Messages,
    },
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{App, Problem};

/// What opening needs of a message's document.
#[derive(Deserialize)]
struct Sealed {
    id: MessageId,
    account_id: AccountId,
    agent_id: AgentId,
    conversation_id: ConversationId,
    #[serde(rename = "content_sealed")]
    content: String,
}

/// Whether documents of the view hold sealed contents.
pub(crate) fn are_in(view: &str) -> bool {
    view == Messages::NAME || view == Activities::NAME
}

/// The document of that view with its content in clear.
pub(crate) async fn opened(state: &App, view: &str, payload: &str) -> Result<String, Problem> {
    let vault = &*state.services().vault;
    let (id, sealed, plain) = if view == Activities::NAME {
        let activity: ActivityDoc = read(payload)?;
        let plain = open_activity(vault, &activity).await;
        (activity.id, activity.content_sealed, plain)
    } else {
        let Sealed {
            id,
            account_id,
            agent_id,
            conversation_id,
            content,
        } = read(payload)?;
        let plain = open_message(vault, &account_id, &agent_id, &conversation_id, &id, &content).await;
        (id, content, plain)
    };
    let content = text_of(&id, plain)?.map_or(serde_json::Value::Null, Into::into);
    Ok(spliced(payload, &sealed, &content.to_string()))
}

/// What was opened; `None`: there is nothing to be read any more.
pub(crate) fn text_of(id: &MessageId, plain: Result<String, VaultError>) -> Result<Option<String>, Problem> {
    match plain {
        Ok(text) => Ok(Some(text)),
        Err(VaultError::Destroyed) => Ok(None),
        // One unreadable content must not hide a whole list.
        Err(error @ (VaultError::Absent | VaultError::Unopenable)) => {
            tracing::error!(%id, %error, "a content cannot be opened");
            Ok(None)
        }
        Err(VaultError::Unavailable(reason)) => {
            tracing::warn!(%reason, "the vault does not answer");
            Err(Problem::of("unavailable", "The vault does not answer.").retry_after(5))
        }
    }
}

fn read<T: DeserializeOwned>(payload: &str) -> Result<T, Problem> {
    serde_json::from_str(payload).map_err(|error| Problem::internal(&error))
}

/// Replaces the sealed field. Within another text the quotes of the field's name would be escaped, so the
/// first occurrence is the field.
fn spliced(payload: &str, content_sealed: &str, content: &str) -> String {
    let sealed = format!("\"content_sealed\":\"{content_sealed}\"");
    payload.replacen(&sealed, &format!("\"content\":{content}"), 1)
}

#[cfg(test)]
mod tests;
