//! Clients of model providers: one request, one streamed reply.

use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
use reef_commands::ports::Usage;

mod anthropic;
mod choice;
mod config;
mod error;
pub(crate) mod http;
mod openai;
mod responder;
mod retry;
#[cfg(test)]
pub(crate) mod scripted_server;

pub use choice::Models;
pub use config::{ApiKey, CONFIGURE_HINT, ModelConfig, ModelProvider};
pub use error::ModelError;
pub use responder::{LOCAL_RESPONDER, Responder};

/// Text of one reply is cut off with an error beyond this many bytes: no model says so much on purpose.
pub const MAX_REPLY_BYTES: usize = 1024 * 1024;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person, or whoever gives the agent work.
    User,
    /// The agent.
    Assistant,
}

impl Role {
    /// The word both providers use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message of the conversation shown to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelMessage {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: String,
}

/// What the model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRequest {
    /// Who the model is to be, and what it should know.
    pub system: String,
    /// The conversation, oldest first; the last one is the user's.
    pub messages: Vec<ModelMessage>,
    /// At most so many tokens of reply.
    pub max_tokens: u32,
    /// Names the session at a server whose agents keep sessions; `None`: there is nothing to name.
    pub session: Option<String>,
}

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChunk {
    /// More text, never empty.
    Delta(String),
    /// The reply is whole. Always the last piece.
    Done(Usage),
}

/// A reply as it arrives: deltas, then [`ModelChunk::Done`]; or an error, which ends it.
pub type ModelStream = BoxStream<'static, Result<ModelChunk, ModelError>>;

/// Something that answers.
#[async_trait]
pub trait ModelClient: Send + Sync + 'static {
    /// What answers: `openai:<model>`, `anthropic:<model>` or `local-responder`.
    fn name(&self) -> String;
    /// Whether this is a model, and not Reef's own responder.
    fn is_model(&self) -> bool {
        true
    }
    /// Asks. Returns when the reply begins; what goes wrong before that is the error.
    async fn ask(&self, request: &ModelRequest) -> Result<ModelStream, ModelError>;
}

impl dyn ModelClient {
    /// Asks, again if the provider could not be reached or was busy, until a reply begins.
    pub async fn ask_patiently(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        retry::patiently(|| self.ask(request)).await
    }

    /// Asks and waits for the whole reply; a reply that broke off is asked for again.
    pub async fn ask_whole(&self, request: &ModelRequest) -> Result<(String, Usage), ModelError> {
        retry::patiently(|| async { collect(self.ask(request).await?).await }).await
    }
}

async fn collect(mut stream: ModelStream) -> Result<(String, Usage), ModelError> {
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        match chunk? {
            ModelChunk::Delta(delta) => text.push_str(&delta),
            ModelChunk::Done(usage) if text.trim().is_empty() => return Err(ModelError::empty(usage)),
            ModelChunk::Done(usage) => return Ok((text, usage)),
        }
    }
    Err(ModelError::BrokenOff {
        message: "the reply has no end".to_owned(),
        transient: true,
    })
}
