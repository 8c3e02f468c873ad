//! Messages and tasks, put to the OpenClaw gateway of an instance.
//!
//! The gateway is asked over the instance's loopback by an order, so an answer comes whole and not as it is
//! said. A conversation is a session of the gateway, which keeps what was said in it; a task is a session
//! of its own, and its result stays on the instance for a week in case it is handed over again.

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use reef_commands::ports::{
    ChatChunk, ChatRequest, DriverError, LogLevel, RuntimeSpec, TaskAssignment, Usage,
};
use reef_domain::AgentId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cloud, agents::entry_name, orders::Order};
use crate::{
    admission::{admitted, give_up},
    reports::report,
};

/// What an agent said.
#[derive(Deserialize)]
struct Said {
    content: String,
    input_tokens: u64,
    output_tokens: u64,
}

impl Said {
    fn of(value: Value, instance: &str) -> Result<(String, Usage), DriverError> {
        // Not the parser's text: it may quote what was said.
        let said: Self = serde_json::from_value(value)
            .map_err(|_| DriverError::Permanent(format!("the answer of {instance} has another form")))?;
        let usage = Usage {
            input_tokens: said.input_tokens,
            output_tokens: said.output_tokens,
        };
        // No database keeps a NUL in a text.
        let content = said.content.replace('\0', "");
        if content.trim().is_empty() {
            return Err(DriverError::Permanent(
                "the agent answered with nothing".to_owned(),
            ));
        }
        Ok((content, usage))
    }
}

impl Cloud {
    pub(super) fn log_of(&self, spec: &RuntimeSpec, agent: &AgentId, level: LogLevel, message: String) {
        self.ports
            .log_lines
            .push(&spec.runtime_id, Some(agent), level, message);
    }

    pub(super) async fn chat(
        &self,
        spec: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError> {
        let (conversation, agent) = (request.conversation_id.as_str(), &request.bundle.agent_id);
        let order = Order {
            what: "chat",
            body: json!({ "request": asked(agent, conversation, &request.message) }),
            limit: self.config.patience.chat,
        };
        match self.put(spec, order).await {
            Ok((content, usage)) => {
                let message = format!(
                    "replied in {conversation}: {} tokens read, {} written",
                    usage.input_tokens, usage.output_tokens
                );
                self.log_of(spec, agent, LogLevel::Info, message);
                let model = format!("openclaw:{}", request.bundle.model);
                let chunks = [ChatChunk::Delta(content), ChatChunk::Done { usage, model }];
                Ok(stream::iter(chunks.map(Ok)).boxed())
            }
            Err(error) => {
                let message = format!("no reply in {conversation}: {error}");
                self.log_of(spec, agent, LogLevel::Error, message);
                Err(error)
            }
        }
    }

    async fn put(&self, spec: &RuntimeSpec, order: Order) -> Result<(String, Usage), DriverError> {
        let instance = self.reachable(spec).await?;
        let said = self.orders.ask(&instance.id, order).await?;
        Said::of(said, &instance.id)
    }

    pub(super) async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        let note = |level, what: &str| self.note(spec, &task, level, what);
        if admitted(&*self.ports.node, &task, &task.bundle.command_bundles, note).await? {
            self.work(spec, &task).await
        } else {
            Ok(())
        }
    }

    async fn work(&self, spec: &RuntimeSpec, task: &TaskAssignment) -> Result<(), DriverError> {
        let id = task.task_id.as_str();
        let order = Order {
            what: "task",
            body: json!({ "task": id, "request": asked(&task.bundle.agent_id, id, &task.description) }),
            limit: self.config.patience.task,
        };
        match self.put(spec, order).await {
            Ok((result, usage)) => {
                let node = &self.ports.node;
                let taken = report(|| node.complete_task(&task.task_id, &result, usage)).await?;
                let (level, what) = match taken {
                    Some(()) => (LogLevel::Info, "done"),
                    None => (LogLevel::Warn, "was settled meanwhile; its result is dropped"),
                };
                self.note(spec, task, level, what);
                Ok(())
            }
            Err(error @ DriverError::Transient(_)) => Err(error),
            Err(error @ DriverError::Permanent(_)) => {
                self.note(spec, task, LogLevel::Error, &format!("failed: {error}"));
                give_up(&*self.ports.node, task, "runtime_error", &error.to_string()).await
            }
        }
    }

    fn note(&self, spec: &RuntimeSpec, task: &TaskAssignment, level: LogLevel, what: &str) {
        self.log_of(
            spec,
            &task.bundle.agent_id,
            level,
            format!("task {} {what}", task.task_id),
        );
    }
}

/// A request to the gateway's OpenAI-compatible endpoint: the model names the agent, the user the session.
fn asked(agent: &AgentId, session: &str, message: &str) -> Value {
    json!({
        "model": format!("openclaw/{}", entry_name(agent)),
        "user": session,
        "messages": [{ "role": "user", "content": message }],
    })
}
