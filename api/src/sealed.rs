//! Sealed contents in documents, opened for whoever may read the document.
//!
//! Documents hold `content_sealed`; readers get `content`: the text, or `null` once its key was destroyed.

use reef_commands::{conversation::open_message, ports::VaultError};
use reef_domain::{AccountId, AgentId, ConversationId, MessageId};
use reef_projections::{Projection, views::message::Messages};
use serde::Deserialize;

use crate::{App, Problem};

/// What opening needs of a message's document.
#[derive(Deserialize)]
struct Sealed<'a> {
    id: MessageId,
    account_id: AccountId,
    agent_id: AgentId,
    conversation_id: ConversationId,
    #[serde(borrow, rename = "content_sealed")]
    content: &'a str,
}

/// Whether documents of the view hold sealed contents.
pub(crate) fn are_in(view: &str) -> bool {
    view == Messages::NAME
}

/// The message's document with its content in clear.
pub(crate) async fn opened(state: &App, payload: &str) -> Result<String, Problem> {
    let message: Sealed<'_> = serde_json::from_str(payload).map_err(|error| Problem::internal(&error))?;
    let Sealed {
        id,
        account_id,
        agent_id,
        conversation_id,
        content: sealed,
    } = message;
    let vault = &*state.services().vault;
    let content = match open_message(vault, &account_id, &agent_id, &conversation_id, &id, sealed).await {
        Ok(text) => serde_json::Value::from(text).to_string(),
        Err(VaultError::Destroyed) => "null".to_owned(),
        // One unreadable message must not hide a whole list.
        Err(error @ (VaultError::Absent | VaultError::Unopenable)) => {
            tracing::error!(message = %id, %error, "a message cannot be opened");
            "null".to_owned()
        }
        Err(VaultError::Unavailable(reason)) => {
            tracing::warn!(%reason, "the vault does not answer");
            return Err(Problem::of("unavailable", "The vault does not answer.").retry_after(5));
        }
    };
    Ok(spliced(payload, sealed, &content))
}

/// Replaces the sealed field. Within another text the quotes of the field's name would be escaped, so the
/// first occurrence is the field.
fn spliced(payload: &str, content_sealed: &str, content: &str) -> String {
    let sealed = format!("\"content_sealed\":\"{content_sealed}\"");
    payload.replacen(&sealed, &format!("\"content\":{content}"), 1)
}

#[cfg(test)]
mod tests;
