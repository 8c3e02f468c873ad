//! What can happen to a conversation.

use chrono::{DateTime, Utc};

use super::Sender;
use crate::{AccountId, AgentId, ConversationId, MessageId, UserId, event::events};

events! {
    /// What can happen to a conversation.
    pub enum ConversationEvent {
        /// It began.
        Started = "ConversationStarted", 1 {
            /// Its id.
            conversation_id: ConversationId,
            /// Who pays.
            account_id: AccountId,
            /// The agent spoken with.
            agent_id: AgentId,
            /// Who speaks.
            user_id: Option<UserId>,
            /// Over what it is held.
            channel: String,
        },
        /// A message for the agent came in.
        MessageReceived = "MessageReceived", 1 {
            /// Its id.
            message_id: MessageId,
            /// The agent it is for.
            agent_id: AgentId,
            /// Its content, sealed.
            content_sealed: String,
            /// Who wrote it.
            sender: Sender,
            /// Who that is in the words of whoever sent it, sealed.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            author_sealed: Option<String>,
            /// When its reply counts as interrupted.
            reply_by: DateTime<Utc>,
        },
        /// The agent answered.
        ReplyCompleted = "ReplyCompleted", 1 {
            /// Its id.
            message_id: MessageId,
            /// The agent that answered: its usage is counted.
            agent_id: AgentId,
            /// The message it answers.
            in_reply_to: MessageId,
            /// Its content, sealed.
            content_sealed: String,
            /// What answered.
            model: String,
            /// Model tokens read.
            input_tokens: u64,
            /// Model tokens written.
            output_tokens: u64,
        },
        /// No reply will come.
        ReplyFailed = "ReplyFailed", 1 {
            /// The message without an answer.
            in_reply_to: MessageId,
            /// Stable code.
            code: String,
            /// For people.
            reason: String,
        },
        /// It takes no more messages.
        Ended = "ConversationEnded", 1 {},
        /// Its contents were deleted for good.
        Purged = "ConversationPurged", 1 {},
    }
}
