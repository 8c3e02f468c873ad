//! Replies to messages.

use std::sync::Arc;

use async_stream::try_stream;
use futures::{StreamExt, stream::BoxStream};
use reef_commands::ports::{ChatChunk, ChatRequest, DriverError, LogLevel, RuntimeSpec};

use super::{cron::Order, memory::Remembered, prompt, worker::Worker};
use crate::model::{ModelChunk, ModelClient, ModelError, ModelStream, Responder};

type Reply = BoxStream<'static, Result<ChatChunk, DriverError>>;

impl Worker {
    pub(super) async fn chat(
        self: Arc<Self>,
        spec: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<Reply, DriverError> {
        let bundle = &request.bundle;
        let files = self.ready(spec, bundle).await?;
        let mut client = self.client(bundle, &files).await?;
        let order = Order::of(&request.message, self.ports.clock.now()).filter(|_| !client.is_model());
        if let Some(order) = order {
            let done = self.carry_out(spec, &bundle.agent_id, order).await?;
            client = Arc::new(Responder::new(bundle.name.clone(), Vec::new()).having(done));
        }
        // The gateway keeps what is said in a session; what it is to know of the conversation, it is told.
        let session = self
            .gateway
            .as_ref()
            .map(|_| crate::openclaw::Gateway::once("chat"));
        let terms = self.terms(session);
        let asked = prompt::chat(bundle, &files, &request.history, &request.message, terms);
        match client.ask_patiently(&asked).await {
            Ok(stream) => Ok(self.relay(spec.clone(), request, client, stream)),
            Err(error) => Err(self.no_reply(spec, &request, &error)),
        }
    }

    /// Passes the reply on. Before it ends, it is remembered.
    fn relay(
        self: Arc<Self>,
        spec: RuntimeSpec,
        request: ChatRequest,
        client: Arc<dyn ModelClient>,
        mut stream: ModelStream,
    ) -> Reply {
        try_stream! {
            let mut reply = String::new();
            while let Some(chunk) = stream.next().await {
                match chunk {
                    Ok(ModelChunk::Delta(text)) => {
                        // No database keeps a NUL in a text.
                        let text = text.replace('\0', "");
                        reply.push_str(&text);
                        if !text.is_empty() {
                            yield ChatChunk::Delta(text);
                        }
                    }
                    Ok(ModelChunk::Done(usage)) => {
                        if reply.trim().is_empty() {
                            Err(self.no_reply(&spec, &request, &ModelError::empty(usage)))?;
                        }
                        // What the local responder says is not worth remembering; what it was told is.
                        let answered = client.is_model().then_some(reply.as_str());
                        let what = Remembered::Chat { said: &request.message, answered };
                        self.remember(&spec, &request.bundle.agent_id, what).await;
                        self.mood.well();
                        let model = client.name();
                        let message = format!(
                            "replied in {} through {model}: {} tokens read, {} written",
                            request.conversation_id, usage.input_tokens, usage.output_tokens
                        );
                        self.log(&spec, Some(&request.bundle.agent_id), LogLevel::Info, message);
                        yield ChatChunk::Done { usage, model };
                        return;
                    }
                    Err(error) => Err(self.no_reply(&spec, &request, &error))?,
                }
            }
        }
        .boxed()
    }

    fn no_reply(&self, spec: &RuntimeSpec, request: &ChatRequest, error: &ModelError) -> DriverError {
        let message = format!("no reply in {}: {error}", request.conversation_id);
        self.log(spec, Some(&request.bundle.agent_id), LogLevel::Error, message);
        self.mood.failed(error);
        error.clone().into()
    }
}
