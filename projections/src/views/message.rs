//! Messages of conversations. Contents stay sealed here; whoever shows them opens them.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, ConversationId, Decider, Envelope, MessageId,
    conversation::{Conversation, ConversationEvent, Sender},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, TokenUsage};
use crate::{Document, Projection, Source, Touch};

/// A message as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDoc {
    /// Its id.
    pub id: MessageId,
    /// Who pays.
    pub account_id: AccountId,
    /// The agent spoken with.
    pub agent_id: AgentId,
    /// The conversation it is in.
    pub conversation_id: ConversationId,
    /// Who said it.
    pub role: MessageRole,
    /// What became of it.
    pub status: MessageStatus,
    /// Who wrote it, if a person did.
    pub sender: Option<Sender>,
    /// Who that is in the words of whoever sent it, sealed under the agent's data key.
    pub author_sealed: Option<String>,
    /// What it says, sealed under the agent's data key.
    pub content_sealed: String,
    /// The message it answers.
    pub in_reply_to: Option<MessageId>,
    /// Why no reply came.
    pub failure: Option<Failure>,
    /// What answered.
    pub model: Option<String>,
    /// What answering used.
    pub usage: Option<TokenUsage>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
    /// A person.
    User,
    /// The agent.
    Assistant,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Its reply has not come yet.
    AwaitingReply,
    /// Its reply is there.
    Replied,
    /// No reply will come.
    Failed,
    /// It is a reply, and whole.
    Complete,
}

impl MessageStatus {
    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingReply => "awaiting_reply",
            Self::Replied => "replied",
            Self::Failed => "failed",
            Self::Complete => "complete",
        }
    }
}

impl Document for MessageDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.conversation_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of messages.
#[derive(Debug)]
pub struct Messages;

impl Projection for Messages {
    type Doc = MessageDoc;
    const NAME: &'static str = "messages";
    const VERSION: u32 = 2;
    const FILTERS: &'static [&'static str] = &["agent_id", "in_reply_to", "role"];
    const PARENT: Option<&'static str> = Some("conversation_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let AnyEvent::Conversation(event) = &envelope.event else {
            return vec![];
        };
        match event {
            ConversationEvent::MessageReceived { message_id, .. } => vec![Touch::one(message_id)],
            ConversationEvent::ReplyCompleted {
                message_id,
                in_reply_to,
                ..
            } => {
                vec![Touch::one(in_reply_to), Touch::one(message_id)]
            }
            ConversationEvent::ReplyFailed { in_reply_to, .. } => vec![Touch::one(in_reply_to)],
            ConversationEvent::Purged {} => vec![Touch::PurgeChildrenOf(envelope.aggregate_id.clone())],
            ConversationEvent::Started { .. } | ConversationEvent::Ended {} => vec![],
        }
    }

    fn fold(doc: Option<MessageDoc>, envelope: &Envelope) -> Option<MessageDoc> {
        let AnyEvent::Conversation(event) = &envelope.event else {
            return doc;
        };
        match event {
            ConversationEvent::MessageReceived {
                message_id,
                agent_id,
                content_sealed,
                sender,
                author_sealed,
                ..
            } => {
                let mut received = said(envelope, message_id, agent_id, content_sealed)?;
                received.sender = Some(sender.clone());
                received.author_sealed.clone_from(author_sealed);
                Some(received)
            }
            ConversationEvent::ReplyCompleted {
                message_id,
                agent_id,
                in_reply_to,
                content_sealed,
                model,
                input_tokens,
                output_tokens,
            } => match doc {
                // The document that is there is the one answered; the reply itself is new.
                Some(answered) => Some(MessageDoc {
                    status: MessageStatus::Replied,
                    ..answered
                }),
                None => Some(MessageDoc {
                    role: MessageRole::Assistant,
                    status: MessageStatus::Complete,
                    in_reply_to: Some(in_reply_to.clone()),
                    model: Some(model.clone()),
                    usage: Some(TokenUsage {
                        input_tokens: *input_tokens,
                        output_tokens: *output_tokens,
                    }),
                    ..said(envelope, message_id, agent_id, content_sealed)?
                }),
            },
            ConversationEvent::ReplyFailed { code, reason, .. } => Some(MessageDoc {
                status: MessageStatus::Failed,
                failure: Some(Failure {
                    code: code.clone(),
                    reason: reason.clone(),
                }),
                ..doc?
            }),
            ConversationEvent::Started { .. }
            | ConversationEvent::Ended {}
            | ConversationEvent::Purged {} => doc,
        }
    }

    fn source(_: &str, parent_id: Option<&str>) -> Option<Source> {
        parent_id.map(|parent| Source {
            aggregate_type: Conversation::TYPE,
            aggregate_id: parent.to_owned(),
        })
    }
}

/// A message of a person, as just received.
fn said(envelope: &Envelope, id: &MessageId, agent_id: &AgentId, content_sealed: &str) -> Option<MessageDoc> {
    Some(MessageDoc {
        id: id.clone(),
        account_id: envelope.account_id.clone()?,
        agent_id: agent_id.clone(),
        conversation_id: ConversationId::new(envelope.aggregate_id.clone()),
        role: MessageRole::User,
        status: MessageStatus::AwaitingReply,
        sender: None,
        author_sealed: None,
        content_sealed: content_sealed.to_owned(),
        in_reply_to: None,
        failure: None,
        model: None,
        usage: None,
        created_at: envelope.recorded_at,
    })
}

#[cfg(test)]
mod tests;
