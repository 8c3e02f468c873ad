//! OpenAI's chat completions, which many servers speak: `POST {base}/chat/completions`, streamed.

use std::sync::Arc;

use async_stream::try_stream;
use async_trait::async_trait;
use futures::StreamExt;
use reef_commands::ports::Usage;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    MAX_REPLY_BYTES, ModelChunk, ModelClient, ModelError, ModelRequest, ModelStream,
    config::ApiKey,
    http::{Events, Explanation, Http, broken_off, secret_header},
};

/// A client of one server, with one key and one model.
pub(crate) struct OpenAi {
    pub(crate) http: Arc<Http>,
    pub(crate) base: String,
    pub(crate) key: ApiKey,
    pub(crate) model: String,
}

#[async_trait]
impl ModelClient for OpenAi {
    fn name(&self) -> String {
        format!("openai:{}", self.model)
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelStream, ModelError> {
        let mut headers = HeaderMap::new();
        if !self.key.is_empty() {
            headers.insert(
                AUTHORIZATION,
                secret_header(&format!("Bearer {}", self.key.expose()))?,
            );
        }
        let url = format!("{}/chat/completions", self.base);
        let events = self
            .http
            .post(&url, headers, &self.body(request), &self.key)
            .await?;
        Ok(reply(events, self.key.clone()))
    }
}

impl OpenAi {
    fn body(&self, request: &ModelRequest) -> Value {
        let mut messages = vec![json!({ "role": "system", "content": request.system })];
        messages.extend(
            request
                .messages
                .iter()
                .map(|m| json!({ "role": m.role.as_str(), "content": m.content })),
        );
        // OpenAI's newer models refuse the old name; most other servers know only the old one.
        let limit = if self.base.contains("api.openai.com") {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        let mut body = json!({
            "model": self.model,
            "messages": messages,
            "stream": true,
            "stream_options": { "include_usage": true },
            limit: request.max_tokens,
        });
        if let Some(session) = &request.session {
            body["user"] = json!(session);
        }
        body
    }
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Reads up to `[DONE]`; once a choice has finished, servers that end without it, or stall, are forgiven.
fn reply(mut events: Events, key: ApiKey) -> ModelStream {
    try_stream! {
        let (mut usage, mut finished, mut written) = (Usage::default(), false, 0);
        while let Some(event) = events.next().await {
            let data = match event {
                Ok(event) => event.data,
                Err(_) if finished => break,
                Err(error) => Err(error)?,
            };
            if data.trim() == "[DONE]" {
                finished = true;
                break;
            }
            let chunk = parse(&data, &key)?;
            if let Some(tokens) = chunk.usage {
                usage = Usage { input_tokens: tokens.prompt_tokens, output_tokens: tokens.completion_tokens };
            }
            let Some(choice) = chunk.choices.and_then(|choices| choices.into_iter().next()) else { continue };
            finished |= choice.finish_reason.is_some();
            let text = choice.delta.and_then(|delta| delta.content.or(delta.refusal)).unwrap_or_default();
            written += text.len();
            if written > MAX_REPLY_BYTES {
                Err(ModelError::Unusable("a reply of more than 1 MiB of text".to_owned()))?;
            }
            if !text.is_empty() {
                yield ModelChunk::Delta(text);
            }
        }
        if !finished {
            Err(broken_off("the connection ended before the reply did"))?;
        }
        yield ModelChunk::Done(usage);
    }
    .boxed()
}

fn parse(data: &str, key: &ApiKey) -> Result<Chunk, ModelError> {
    let chunk: Chunk =
        serde_json::from_str(data).map_err(|_| broken_off("an event is not a chunk of a reply"))?;
    match &chunk.error {
        Some(error) => Err(Explanation::of(error).broken_off(key)),
        None => Ok(chunk),
    }
}

#[cfg(test)]
mod tests;
