//! What a conversation can be asked.

use chrono::{DateTime, Utc};

use super::Sender;
use crate::{AccountId, AgentId, ConversationId, MessageId, UserId};

/// What a conversation can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum ConversationCommand {
    /// Begin.
    Start {
        /// New id.
        conversation_id: ConversationId,
        /// Who pays.
        account_id: AccountId,
        /// The agent to speak with.
        agent_id: AgentId,
        /// Who speaks, where that is known.
        user_id: Option<UserId>,
        /// Over what it is held, such as `api`.
        channel: String,
    },
    /// A message for the agent came in.
    Receive {
        /// New id.
        message_id: MessageId,
        /// Its content, sealed under the agent's data key.
        content_sealed: String,
        /// Who wrote it.
        sender: Sender,
        /// Who that is in the words of whoever sent it, sealed under the agent's data key.
        author_sealed: Option<String>,
        /// When its reply counts as interrupted.
        reply_by: DateTime<Utc>,
    },
    /// The agent's reply is whole.
    CompleteReply {
        /// New id.
        message_id: MessageId,
        /// The message it answers.
        in_reply_to: MessageId,
        /// Its content, sealed under the agent's data key.
        content_sealed: String,
        /// What answered, such as `openai:<model>`.
        model: String,
        /// Model tokens read.
        input_tokens: u64,
        /// Model tokens written.
        output_tokens: u64,
    },
    /// No reply will come.
    FailReply {
        /// The message without an answer.
        in_reply_to: MessageId,
        /// Stable code.
        code: String,
        /// For people; holds nothing of the contents.
        reason: String,
    },
    /// Take no more messages.
    End,
    /// Its contents were deleted for good.
    Purge,
}
