//! Conversations: messages to agents, and their replies as they are said.

mod author;
mod chat;
mod content;
mod outcome;
mod parts;
mod restart;

use author::seal_author;
use chrono::TimeDelta;
use reef_domain::{
    AgentId, ConversationId, MessageId, RefusalKind,
    agent::{Agent, AgentStatus},
    conversation::{Conversation, ConversationCommand, Sender},
    runtime::Runtime,
};
use ring::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Answer, Audience, CommandError, CommandSpec, Outcome, Services, Unit, UseCase};

pub use author::{Author, AuthorKind, open_author};
pub use chat::Chat;
pub use content::{open_message, seal_message};
pub(crate) use outcome::fail_reply;
pub use parts::{ReplyPart, ReplyParts};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<StartConversation>(),
    CommandSpec::of::<SendMessage>(),
    CommandSpec::of::<EndConversation>(),
];

/// Longest message, in characters.
const MAX_MESSAGE_CHARS: usize = 100_000;
/// How long a reply may take before it counts as interrupted.
const REPLY_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// Begins a conversation with an agent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartConversation {
    /// The agent.
    pub agent_id: AgentId,
    /// Over what it is held, 1 to 50 characters; `api` when absent.
    #[serde(default)]
    pub channel: Option<String>,
    /// Id of the conversation; made when absent.
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
}

impl UseCase for StartConversation {
    const NAME: &'static str = "StartConversation";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "conversations:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let id = start(
            unit,
            &self.agent_id,
            self.conversation_id.clone(),
            self.channel.clone(),
        )
        .await?;
        Ok(Outcome::of::<Conversation>(&id))
    }
}

async fn start(
    unit: &mut Unit<'_>,
    agent_id: &AgentId,
    id: Option<ConversationId>,
    channel: Option<String>,
) -> Result<ConversationId, CommandError> {
    let agent = unit.owned::<Agent>(agent_id).await?;
    let account_id = unit.account(agent.account_id.as_ref())?;
    let conversation_id = id.unwrap_or_else(|| unit.new_id("conv_"));
    let start = ConversationCommand::Start {
        conversation_id: conversation_id.clone(),
        account_id,
        agent_id: agent_id.clone(),
        user_id: unit.user(None),
        channel: channel.unwrap_or_else(|| "api".to_owned()),
    };
    unit.decide::<Conversation>(&conversation_id, start).await?;
    Ok(conversation_id)
}

/// Says something to a running agent; the reply follows. Names a conversation, or the agent to begin one with.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// The conversation to go on with.
    #[serde(default)]
    pub conversation_id: Option<ConversationId>,
    /// The agent to begin a conversation with, where none is named.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    /// What is said, 1 to 100,000 characters.
    pub content: String,
    /// Who says it, in the words of whoever sends it.
    #[serde(default)]
    pub author: Option<Author>,
}

impl SendMessage {
    async fn conversation(&self, unit: &mut Unit<'_>) -> Result<ConversationId, CommandError> {
        match (&self.conversation_id, &self.agent_id) {
            (Some(id), agent_id) => {
                let conversation = unit.edit::<Conversation>(id).await?;
                if agent_id.is_some() && *agent_id != conversation.agent_id {
                    return Err(CommandError::malformed(
                        "agent_id",
                        "the conversation is with another agent",
                    ));
                }
                Ok(id.clone())
            }
            (None, Some(agent_id)) => start(unit, agent_id, None, None).await,
            (None, None) => Err(CommandError::malformed(
                "conversation_id",
                "name a conversation or an agent",
            )),
        }
    }
}

impl UseCase for SendMessage {
    const NAME: &'static str = "SendMessage";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "conversations:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        if self.content.trim().is_empty() || self.content.chars().count() > MAX_MESSAGE_CHARS {
            return Err(CommandError::malformed(
                "content",
                "a message has 1 to 100,000 characters",
            ));
        }
        let conversation_id = self.conversation(unit).await?;
        let conversation = unit.load::<Conversation>(&conversation_id).await?;
        let (Some(agent_id), Some(account_id)) = (&conversation.agent_id, &conversation.account_id) else {
            return Err(CommandError::Unknown {
                kind: "conversation",
                id: conversation_id.to_string(),
            });
        };
        let agent = unit.owned::<Agent>(agent_id).await?;
        if agent.status != AgentStatus::Running {
            let message = format!("the agent is {}, not running", agent.status.name());
            return Err(CommandError::refused(
                "agent_not_running",
                RefusalKind::NotReady,
                message,
            ));
        }
        if let Some(runtime_id) = &agent.runtime_id
            && !unit.load::<Runtime>(runtime_id).await?.is_running()
        {
            let message = "the agent's runtime is not running";
            return Err(CommandError::refused(
                "runtime_not_running",
                RefusalKind::NotReady,
                message,
            ));
        }
        let message_id = new_message_id(unit.services());
        let vault = &*unit.services().vault;
        let sealed = seal_message(
            vault,
            account_id,
            agent_id,
            &conversation_id,
            &message_id,
            &self.content,
        )
        .await?;
        let author_sealed = match &self.author {
            Some(author) => Some(
                seal_author(
                    vault,
                    account_id,
                    agent_id,
                    &conversation_id,
                    &message_id,
                    &author.checked()?,
                )
                .await?
                .0,
            ),
            None => None,
        };
        let actor = &unit.caller().actor;
        let receive = ConversationCommand::Receive {
            message_id: message_id.clone(),
            content_sealed: sealed.0,
            sender: Sender {
                kind: actor.kind.name().to_owned(),
                id: actor.id.to_string(),
            },
            author_sealed,
            reply_by: unit.now() + REPLY_WITHIN,
        };
        unit.decide::<Conversation>(&conversation_id, receive).await?;
        let shown = json!({ "conversation_id": conversation_id, "message_id": message_id });
        Ok(Outcome::of::<Conversation>(&conversation_id)
            .showing(shown)
            .subject(agent_id))
    }
}

/// The id of the reply to the message that was sent, where one was.
pub fn reply_to(sent: &Answer) -> Option<MessageId> {
    let message = sent.result.as_ref()?["message_id"].as_str()?;
    Some(reply_id(&MessageId::from(message)))
}

/// The id of the reply to that message: known before the reply is, and the same however often it is made.
pub(crate) fn reply_id(message: &MessageId) -> MessageId {
    let hash = digest(&SHA256, format!("reply/{message}").as_bytes());
    MessageId::from(format!("msg_{}", hex::encode(&hash.as_ref()[..10])))
}

/// Messages share one view and no stream of their own keeps their ids apart: they are long and never chosen
/// by clients.
fn new_message_id(services: &Services) -> MessageId {
    MessageId::from(format!("msg_{}", services.entropy.alnum(20)))
}

/// Has a conversation take no more messages.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndConversation {
    /// The conversation.
    pub conversation_id: ConversationId,
}

impl UseCase for EndConversation {
    const NAME: &'static str = "EndConversation";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "conversations:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Conversation>(&self.conversation_id).await?;
        unit.decide::<Conversation>(&self.conversation_id, ConversationCommand::End)
            .await?;
        Ok(Outcome::of::<Conversation>(&self.conversation_id))
    }
}

#[cfg(test)]
mod tests;
