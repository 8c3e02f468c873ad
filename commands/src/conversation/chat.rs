//! Replies: streamed to whoever waits, recorded whether anybody waits or not.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::BoxStream};
use parking_lot::Mutex;
use reef_domain::{
    AgentId, ConversationId, MessageId, RuntimeId,
    agent::{Agent, AgentStatus, Pushed},
    conversation::Conversation,
    runtime::{Runtime, RuntimeStatus},
    workspace_file::WorkspaceFiles,
};
use reef_projections::{
    Filter, Query,
    views::message::{MessageDoc, MessageRole, MessageStatus, Messages},
};
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use super::{
    ReplyPart, ReplyParts, SendMessage, open_message,
    outcome::{Reply, complete_reply, fail_reply},
    parts::{self, failed},
    reply_id,
    restart::settled,
};
use crate::{
    Answer, Bus, Caller, CommandError, Drivers, Request,
    managers::{bundle::bundle_in_force, spec_of},
    ports::{ChatChunk, ChatRequest, ChatTurn, DriverError, Usage},
};

/// Earlier messages that an agent is reminded of.
const HISTORY: u32 = 40;
/// Longest reply, in bytes.
const MAX_REPLY: usize = 1 << 20;
/// Pieces buffered for somebody who listens slowly; whoever lags behind gets the whole at the end.
const BUFFERED: usize = 1024;
/// How long a reply waits for a push that is under way.
const TAKEN_WITHIN: Duration = Duration::from_secs(15);
/// How long a reply is waited for.
const PATIENCE: Duration = Duration::from_mins(9);

/// Carries conversations: records messages, has agents reply. Cheap to clone.
#[derive(Clone)]
pub struct Chat(Arc<Inner>);

struct Inner {
    bus: Bus,
    drivers: Drivers,
    live: Mutex<HashMap<MessageId, broadcast::Sender<ReplyPart>>>,
    tracker: TaskTracker,
}

struct Exchange {
    conversation_id: ConversationId,
    message_id: MessageId,
    agent_id: AgentId,
    content: String,
}

impl Chat {
    /// Chat over this bus and these drivers.
    pub fn new(bus: Bus, drivers: Drivers) -> Self {
        Self(Arc::new(Inner {
            bus,
            drivers,
            live: Mutex::default(),
            tracker: TaskTracker::new(),
        }))
    }

    /// Records the message and has the agent reply. The reply is recorded even if nobody listens.
    pub async fn send(
        &self,
        command: &SendMessage,
        request: Request,
    ) -> Result<(Answer, ReplyParts), CommandError> {
        let (chat, command) = (self.clone(), command.clone());
        // In a task of its own: whoever asked may be gone between the commit and the reply.
        let begun = self
            .0
            .tracker
            .spawn(async move { chat.begin(&command, request).await });
        begun.await.map_err(|error| CommandError::Unavailable {
            reason: error.to_string(),
            unknown: true,
        })?
    }

    async fn begin(
        &self,
        command: &SendMessage,
        request: Request,
    ) -> Result<(Answer, ReplyParts), CommandError> {
        let answer = self.0.bus.execute(command, request).await?;
        let conversation_id = ConversationId::from(answer.aggregate.id.as_str());
        let shown = answer
            .result
            .as_ref()
            .and_then(|result| result["message_id"].as_str());
        let message_id = MessageId::from(shown.unwrap_or_default());
        if answer.replayed {
            let parts = self.again(message_id);
            return Ok((answer, parts));
        }
        let conversation = self.0.bus.state::<Conversation>(&conversation_id).await?;
        let agent_id = conversation.and_then(|conversation| conversation.agent_id.clone());
        let Some(agent_id) = agent_id else {
            return Err(CommandError::Unknown {
                kind: "conversation",
                id: conversation_id.to_string(),
            });
        };
        let (sender, receiver) = broadcast::channel(BUFFERED);
        self.0.live.lock().insert(message_id.clone(), sender.clone());
        let exchange = Exchange {
            conversation_id,
            message_id: message_id.clone(),
            agent_id,
            content: command.content.clone(),
        };
        let chat = self.clone();
        self.0.tracker.spawn(async move {
            let last = chat.reply(&exchange, &sender).await;
            chat.0.live.lock().remove(&exchange.message_id);
            // Nobody may be listening any more.
            drop(sender.send(last));
        });
        Ok((answer, self.listen(message_id, receiver)))
    }

    /// Waits for replies under way, so that a shutdown need not interrupt them.
    pub async fn drain(&self) {
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    /// The reply to a message sent before: what is still being said, or what was recorded.
    fn again(&self, message: MessageId) -> ReplyParts {
        let live = self.0.live.lock().get(&message).map(broadcast::Sender::subscribe);
        if let Some(receiver) = live {
            return self.listen(message, receiver);
        }
        let chat = self.clone();
        parts::at_once(async move { chat.recorded(&message).await })
    }

    fn listen(&self, message: MessageId, receiver: broadcast::Receiver<ReplyPart>) -> ReplyParts {
        let chat = self.clone();
        parts::whole(receiver, async move { chat.recorded(&message).await })
    }

    /// The recorded reply; another node may still be at it.
    async fn recorded(&self, message: &MessageId) -> ReplyPart {
        let wait = async {
            let mut head = self.0.bus.services().log.watch();
            loop {
                if let Some(part) = self.look_up(message).await? {
                    return Ok::<_, CommandError>(part);
                }
                if head.changed().await.is_err() {
                    return Ok(failed("unavailable", "the server is shutting down"));
                }
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Ok(part)) => part,
            Ok(Err(error)) => failed(error.code(), &error.to_string()),
            Err(_) => failed("interrupted", "the reply did not come in time"),
        }
    }

    async fn look_up(&self, message: &MessageId) -> Result<Option<ReplyPart>, CommandError> {
        let services = self.0.bus.services();
        let Some(asked) = services.views.doc::<Messages>(message.as_str()).await? else {
            return Ok(Some(failed("content_destroyed", "the conversation was deleted")));
        };
        if asked.status == MessageStatus::AwaitingReply {
            return Ok(None);
        }
        if let Some(failure) = &asked.failure {
            return Ok(Some(failed(&failure.code, &failure.reason)));
        }
        let filters = vec![
            Filter::Parent(asked.conversation_id.to_string()),
            Filter::Field("in_reply_to".to_owned(), message.to_string()),
        ];
        let page = services
            .views
            .page::<Messages>(&Query {
                filters,
                limit: 1,
                ..Query::default()
            })
            .await?;
        let Some(reply) = page.data.into_iter().next() else {
            return Ok(None);
        };
        let content = self.open(&reply).await?;
        let usage = reply.usage.as_ref().map_or_else(Usage::default, |usage| Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
        });
        Ok(Some(ReplyPart::Completed {
            message_id: reply.id,
            content,
            model: reply.model.unwrap_or_default(),
            usage,
            position: page.position,
        }))
    }

    async fn open(&self, message: &MessageDoc) -> Result<String, CommandError> {
        Ok(open_message(
            &*self.0.bus.services().vault,
            &message.account_id,
            &message.agent_id,
            &message.conversation_id,
            &message.id,
            &message.content_sealed,
        )
        .await?)
    }

    /// Has the agent reply and records what came of it.
    async fn reply(&self, exchange: &Exchange, live: &broadcast::Sender<ReplyPart>) -> ReplyPart {
        let said = match tokio::time::timeout(PATIENCE, self.say(exchange, live)).await {
            Ok(said) => said,
            Err(_) => Err(CommandError::refused(
                "reply_timeout",
                reef_domain::RefusalKind::NotReady,
                "the agent did not finish its reply in time",
            )),
        };
        let recorded = match said {
            Ok(said) => self.record(exchange, said).await,
            Err(error) => Err(error),
        };
        match recorded {
            Ok(part) => part,
            Err(error) => self.record_failure(exchange, &error).await,
        }
    }

    async fn say(
        &self,
        exchange: &Exchange,
        live: &broadcast::Sender<ReplyPart>,
    ) -> Result<Said, CommandError> {
        let mut chunks = self.ask(exchange).await?;
        let mut content = String::new();
        while let Some(chunk) = chunks.next().await {
            match chunk? {
                ChatChunk::Delta(text) => {
                    if content.len() + text.len() > MAX_REPLY {
                        return Err(DriverError::Permanent("the reply is too long".to_owned()).into());
                    }
                    content.push_str(&text);
                    drop(live.send(ReplyPart::Delta { text }));
                }
                ChatChunk::Done { usage, model } => {
                    return Ok(Said {
                        content,
                        model,
                        usage,
                    });
                }
            }
        }
        Err(DriverError::Transient("the reply broke off".to_owned()).into())
    }

    async fn ask(
        &self,
        exchange: &Exchange,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, CommandError> {
        let bus = &self.0.bus;
        let gone = || CommandError::Unknown {
            kind: "agent",
            id: exchange.agent_id.to_string(),
        };
        let agent = bus.state::<Agent>(&exchange.agent_id).await?.ok_or_else(gone)?;
        let down = || DriverError::Transient("the agent is not running".to_owned());
        let runtime_id = agent
            .runtime_id
            .clone()
            .filter(|_| agent.status == AgentStatus::Running)
            .ok_or_else(down)?;
        let runtime = settled(bus, &runtime_id).await?.ok_or_else(down)?;
        self.taken(&exchange.agent_id, &runtime_id).await?;
        let spec = spec_of(&runtime)
            .filter(|_| runtime.status == RuntimeStatus::Running)
            .ok_or_else(down)?;
        let driver = self.0.drivers.get(&runtime.provider).ok_or_else(|| {
            DriverError::Permanent(format!(
                "no driver for provider {} is configured",
                runtime.provider
            ))
        })?;
        let request = ChatRequest {
            conversation_id: exchange.conversation_id.clone(),
            history: self.history(exchange).await?,
            message: exchange.content.clone(),
            bundle: bundle_in_force(bus, &exchange.agent_id, &agent).await?,
        };
        Ok(driver.chat(&spec, request).await?)
    }

    /// Waits until the runtime has taken the agent in its present run, with its owner's files as they are: what
    /// was changed before a message holds for its reply. A runtime that does not take it holds no reply up.
    async fn taken(&self, agent_id: &AgentId, runtime_id: &RuntimeId) -> Result<(), CommandError> {
        let bus = &self.0.bus;
        let mut head = bus.services().log.watch();
        let wait = async {
            loop {
                head.borrow_and_update();
                let agent = bus.state::<Agent>(agent_id).await?;
                let run = bus.state::<Runtime>(runtime_id).await?.map(|runtime| runtime.run);
                let files = bus.state::<WorkspaceFiles>(agent_id).await?;
                let wanted = files.filter(|files| !files.purged).map(|files| files.revision);
                let is_up = agent.is_some_and(|agent| {
                    let pushed = agent.pushed.as_ref();
                    let is_taken = |pushed: &Pushed| Some(pushed.run) == run && pushed.files >= wanted;
                    agent.status != AgentStatus::Running || pushed.is_none_or(is_taken)
                });
                if is_up || head.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout(TAKEN_WITHIN, wait).await {
            Ok(settled) => settled,
            Err(_) => Ok(()),
        }
    }

    /// Earlier messages, oldest first, without the present one.
    async fn history(&self, exchange: &Exchange) -> Result<Vec<ChatTurn>, CommandError> {
        let filters = vec![Filter::Parent(exchange.conversation_id.to_string())];
        let query = Query {
            filters,
            limit: HISTORY + 1,
            ..Query::default()
        };
        let page = self.0.bus.services().views.page::<Messages>(&query).await?;
        let mut turns = Vec::new();
        for message in page
            .data
            .iter()
            .rev()
            .filter(|message| message.id != exchange.message_id)
        {
            let from_agent = message.role == MessageRole::Assistant;
            turns.push(ChatTurn {
                from_agent,
                content: self.open(message).await?,
            });
        }
        Ok(turns)
    }

    async fn record(&self, exchange: &Exchange, said: Said) -> Result<ReplyPart, CommandError> {
        let message_id = reply_id(&exchange.message_id);
        let reply = Reply {
            conversation_id: &exchange.conversation_id,
            in_reply_to: &exchange.message_id,
            message_id: &message_id,
            content: &said.content,
            model: &said.model,
            usage: said.usage,
        };
        let answer = complete_reply(&self.0.bus, &reply, &by_agent(exchange)).await?;
        Ok(ReplyPart::Completed {
            message_id,
            content: said.content,
            model: said.model,
            usage: said.usage,
            position: answer.position,
        })
    }

    async fn record_failure(&self, exchange: &Exchange, error: &CommandError) -> ReplyPart {
        let part = failed(error.code(), &error.to_string());
        let recorded = fail_reply(
            &self.0.bus,
            &exchange.conversation_id,
            &exchange.message_id,
            error.code(),
            &error.to_string(),
            &by_agent(exchange),
        )
        .await;
        if let Err(error) = recorded {
            // Its timer will tell: the message counts as interrupted then.
            tracing::warn!(message = %exchange.message_id, %error, "a failed reply could not be recorded");
        }
        part
    }
}

struct Said {
    content: String,
    model: String,
    usage: Usage,
}

fn by_agent(exchange: &Exchange) -> Request {
    Request::new(
        Caller::node(exchange.agent_id.as_str()),
        format!("message/{}", exchange.message_id),
    )
}
