//! Anthropic's messages: `POST {base}/v1/messages`, streamed.

use std::sync::Arc;

use async_stream::try_stream;
use async_trait::async_trait;
use futures::StreamExt;
use reef_commands::ports::Usage;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    MAX_REPLY_BYTES, ModelChunk, ModelClient, ModelError, ModelRequest, ModelStream,
    config::ApiKey,
    http::{Events, Explanation, Http, broken_off, secret_header},
};

const VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// A client with one key and one model.
pub(crate) struct Anthropic {
    pub(crate) http: Arc<Http>,
    pub(crate) base: String,
    pub(crate) key: ApiKey,
    pub(crate) model: String,
}

#[async_trait]
impl ModelClient for Anthropic {
    fn name(&self) -> String {
        format!("anthropic:{}", self.model)
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let mut headers = HeaderMap::new();
        headers.insert("anthropic-version", VERSION);
        if !self.key.is_empty() {
            headers.insert("x-api-key", secret_header(self.key.expose())?);
        }
        // Both forms of the base URL are found in the wild.
        let url = format!("{}/v1/messages", self.base.trim_end_matches("/v1"));
        let events = self
            .http
            .post(&url, headers, &self.body(request), &self.key)
            .await?;
        Ok(reply(events, self.key.clone()))
    }
}

impl Anthropic {
    fn body(&self, request: &ModelRequest) -> Value {
        let message = |m: &super::ModelMessage| json!({ "role": m.role.as_str(), "content": m.content });
        json!({
            "model": self.model,
            "system": request.system,
            "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
            "max_tokens": request.max_tokens,
            "stream": true,
        })
    }
}

/// The events of a reply; `ping`, starts and stops of blocks, and events yet to be invented are `Other`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece {
    MessageStart {
        message: Started,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    MessageDelta {
        usage: Option<Tokens>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Delta {
    /// Only text deltas have one.
    text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_field_names, reason = "the provider names them")]
struct Tokens {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Tokens {
    /// Numbers of later events are totals and replace earlier ones.
    fn count(&self, usage: &mut Usage) {
        if let Some(fresh) = self.input_tokens {
            let cached =
                self.cache_creation_input_tokens.unwrap_or(0) + self.cache_read_input_tokens.unwrap_or(0);
            usage.input_tokens = fresh + cached;
        }
        usage.output_tokens = self.output_tokens.unwrap_or(usage.output_tokens);
    }
}

fn reply(mut events: Events, key: ApiKey) -> ModelStream {
    try_stream! {
        let (mut usage, mut finished, mut written) = (Usage::default(), false, 0);
        while let Some(event) = events.next().await {
            let event = event?;
            match parse(&event.data)? {
                Piece::MessageStart { message } => message.usage.unwrap_or_default().count(&mut usage),
                Piece::MessageDelta { usage: tokens } => tokens.unwrap_or_default().count(&mut usage),
                Piece::ContentBlockDelta { delta } => {
                    let text = delta.text.unwrap_or_default();
                    written += text.len();
                    if written > MAX_REPLY_BYTES {
                        Err(ModelError::Unusable("a reply of more than 1 MiB of text".to_owned()))?;
                    }
                    if !text.is_empty() {
                        yield ModelChunk::Delta(text);
                    }
                }
                Piece::MessageStop => {
                    finished = true;
                    break;
                }
                Piece::Error { error } => Err(Explanation::of(&error).broken_off(&key))?,
                Piece::Other => {}
            }
        }
        if !finished {
            Err(broken_off("the connection ended before the reply did"))?;
        }
        yield ModelChunk::Done(usage);
    }
    .boxed()
}

fn parse(data: &str) -> Result<Piece, ModelError> {
    serde_json::from_str(data).map_err(|_| broken_off("an event is not a piece of a reply"))
}

#[cfg(test)]
mod tests;
