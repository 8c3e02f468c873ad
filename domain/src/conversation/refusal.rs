//! Why a conversation says no.

use crate::{Refusal, RefusalKind};

/// Why a conversation says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConversationRefusal {
    /// No such conversation, or it was deleted for good.
    #[error("there is no such conversation")]
    ConversationNotFound,
    /// The id is taken.
    #[error("a conversation of that id was started before")]
    ConversationAlreadyStarted,
    /// It takes no more messages.
    #[error("the conversation has ended")]
    ConversationEnded,
    /// The agent is behind.
    #[error("{limit} messages of the conversation are still without a reply")]
    TooManyOpenReplies {
        /// How many may be.
        limit: u32,
    },
    /// Nothing is awaited for that message.
    #[error("no reply is awaited for that message")]
    ReplyNotAwaited,
    /// The text is not acceptable.
    #[error("a channel has 1 to 50 characters")]
    ChannelInvalid,
}

impl Refusal for ConversationRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::ConversationNotFound => "conversation_not_found",
            Self::ConversationAlreadyStarted => "conversation_already_started",
            Self::ConversationEnded => "conversation_ended",
            Self::TooManyOpenReplies { .. } => "too_many_open_replies",
            Self::ReplyNotAwaited => "reply_not_awaited",
            Self::ChannelInvalid => "channel_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::ConversationNotFound => RefusalKind::NotFound,
            Self::ConversationAlreadyStarted | Self::ConversationEnded | Self::ReplyNotAwaited => {
                RefusalKind::Conflict
            }
            Self::TooManyOpenReplies { .. } => RefusalKind::LimitReached,
            Self::ChannelInvalid => RefusalKind::Invalid,
        }
    }
}
