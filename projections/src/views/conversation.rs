//! Conversations.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, ConversationId, Decider, Envelope, UserId,
    conversation::{Conversation, ConversationEvent, ConversationStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A conversation as it is read, without its messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationDoc {
    /// Its id.
    pub id: ConversationId,
    /// Who pays.
    pub account_id: AccountId,
    /// The agent spoken with.
    pub agent_id: AgentId,
    /// Who speaks.
    pub user_id: Option<UserId>,
    /// Over what it is held.
    pub channel: String,
    /// Where it is.
    pub status: ConversationStatus,
    /// How many messages it has, replies included.
    pub message_count: u64,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When something was said last.
    pub last_activity_at: DateTime<Utc>,
}

impl Document for ConversationDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.agent_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of conversations.
#[derive(Debug)]
pub struct Conversations;

impl Projection for Conversations {
    type Doc = ConversationDoc;
    const NAME: &'static str = "conversations";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["channel", "user_id"];
    const PARENT: Option<&'static str> = Some("agent_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Conversation(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<ConversationDoc>, envelope: &Envelope) -> Option<ConversationDoc> {
        let AnyEvent::Conversation(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        if let ConversationEvent::Started {
            conversation_id,
            account_id,
            agent_id,
            user_id,
            channel,
        } = event
        {
            return Some(ConversationDoc {
                id: conversation_id.clone(),
                account_id: account_id.clone(),
                agent_id: agent_id.clone(),
                user_id: user_id.clone(),
                channel: channel.clone(),
                status: ConversationStatus::Open,
                message_count: 0,
                created_at: at,
                last_activity_at: at,
            });
        }
        let mut doc = doc?;
        match event {
            ConversationEvent::Started { .. } | ConversationEvent::ReplyFailed { .. } => {}
            ConversationEvent::MessageReceived { .. } | ConversationEvent::ReplyCompleted { .. } => {
                doc.message_count += 1;
                doc.last_activity_at = at;
            }
            ConversationEvent::Ended {} => doc.status = ConversationStatus::Ended,
            ConversationEvent::Purged {} => return None,
        }
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Conversation::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
