//! Conversation: a thread of messages with an agent.
//!
//! **Invariants:** every reply belongs to a received message and is recorded once; contents are in events
//! only sealed, and after the purge that destroyed their key nothing happens here any more. The state
//! holds no contents, so it stays small however long the thread grows.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AgentId, AnyEvent, ConversationId, Decider, MessageId, text};

mod command;
mod event;
mod refusal;

pub use command::ConversationCommand;
pub use event::ConversationEvent;
pub use refusal::ConversationRefusal;

/// A conversation, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id, once it was started.
    pub conversation_id: Option<ConversationId>,
    /// Who pays.
    pub account_id: Option<AccountId>,
    /// The agent spoken with.
    pub agent_id: Option<AgentId>,
    /// Where it is.
    pub status: ConversationStatus,
    /// How many messages it has, replies included.
    pub message_count: u64,
    /// Received messages whose reply has not come yet.
    pub open_replies: BTreeSet<MessageId>,
}

/// Where a conversation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// Takes messages.
    #[default]
    Open,
    /// Can be read.
    Ended,
    /// Deleted for good.
    Purged,
}

impl ConversationStatus {
    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Purged => "purged",
        }
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// What sort: `user`, `api_key`, `operator` ...
    pub kind: String,
    /// Which one.
    pub id: String,
}

/// Messages that may be without a reply at a time.
pub const MAX_OPEN_REPLIES: u32 = 32;

impl Conversation {
    fn start(
        &self,
        started: ConversationEvent,
        channel: &str,
    ) -> Result<Vec<ConversationEvent>, ConversationRefusal> {
        if self.conversation_id.is_some() {
            return Err(ConversationRefusal::ConversationAlreadyStarted);
        }
        text::name(channel, 50).ok_or(ConversationRefusal::ChannelInvalid)?;
        Ok(vec![started])
    }

    fn receivable(&self) -> Result<(), ConversationRefusal> {
        match self.status {
            ConversationStatus::Purged => Err(ConversationRefusal::ConversationNotFound),
            ConversationStatus::Ended => Err(ConversationRefusal::ConversationEnded),
            ConversationStatus::Open if self.open_replies.len() >= MAX_OPEN_REPLIES as usize => {
                Err(ConversationRefusal::TooManyOpenReplies {
                    limit: MAX_OPEN_REPLIES,
                })
            }
            ConversationStatus::Open => Ok(()),
        }
    }

    /// A reply under way when the conversation ends is still recorded.
    fn awaited(&self, message: &MessageId) -> Result<(), ConversationRefusal> {
        if self.open_replies.contains(message) {
            Ok(())
        } else {
            Err(ConversationRefusal::ReplyNotAwaited)
        }
    }
}

impl Decider for Conversation {
    const TYPE: &'static str = "conversation";
    type Command = ConversationCommand;
    type Event = ConversationEvent;
    type Refusal = ConversationRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        use ConversationCommand as Command;
        use ConversationEvent as Event;
        if let Command::Start {
            conversation_id,
            account_id,
            agent_id,
            user_id,
            channel,
        } = command
        {
            let name = channel.clone();
            return self.start(
                Event::Started {
                    conversation_id,
                    account_id,
                    agent_id,
                    user_id,
                    channel,
                },
                &name,
            );
        }
        let Some(agent_id) = self.agent_id.clone() else {
            return Err(ConversationRefusal::ConversationNotFound);
        };
        match command {
            Command::Start { .. } => Err(ConversationRefusal::ConversationAlreadyStarted),
            Command::Receive {
                message_id,
                content_sealed,
                sender,
                author_sealed,
                reply_by,
            } => {
                self.receivable()?;
                Ok(vec![Event::MessageReceived {
                    message_id,
                    agent_id,
                    content_sealed,
                    sender,
                    author_sealed,
                    reply_by,
                }])
            }
            Command::CompleteReply {
                message_id,
                in_reply_to,
                content_sealed,
                model,
                input_tokens,
                output_tokens,
            } => {
                self.awaited(&in_reply_to)?;
                Ok(vec![Event::ReplyCompleted {
                    message_id,
                    agent_id,
                    in_reply_to,
                    content_sealed,
                    model,
                    input_tokens,
                    output_tokens,
                }])
            }
            Command::FailReply {
                in_reply_to,
                code,
                reason,
            } => {
                self.awaited(&in_reply_to)?;
                let (code, reason) = (text::cut(&code, 100), text::cut(&reason, 2000));
                Ok(vec![Event::ReplyFailed {
                    in_reply_to,
                    code,
                    reason,
                }])
            }
            Command::End if self.status == ConversationStatus::Open => Ok(vec![Event::Ended {}]),
            Command::End => Ok(vec![]),
            Command::Purge if self.status == ConversationStatus::Purged => Ok(vec![]),
            Command::Purge => Ok(vec![Event::Purged {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            ConversationEvent::Started {
                conversation_id,
                account_id,
                agent_id,
                ..
            } => {
                self.conversation_id = Some(conversation_id.clone());
                self.account_id = Some(account_id.clone());
                self.agent_id = Some(agent_id.clone());
            }
            ConversationEvent::MessageReceived { message_id, .. } => {
                self.message_count += 1;
                self.open_replies.insert(message_id.clone());
            }
            ConversationEvent::ReplyCompleted { in_reply_to, .. } => {
                self.message_count += 1;
                self.open_replies.remove(in_reply_to);
            }
            ConversationEvent::ReplyFailed { in_reply_to, .. } => {
                self.open_replies.remove(in_reply_to);
            }
            ConversationEvent::Ended {} => self.status = ConversationStatus::Ended,
            ConversationEvent::Purged {} => {
                self.status = ConversationStatus::Purged;
                self.open_replies.clear();
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        self.status == ConversationStatus::Purged
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Conversation(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
