//! A reply as it is said: server-sent events of chat completion chunks, as `OpenAI`'s clients read them.
//!
//! The first chunk has the role, the last one `finish_reason`, and `[DONE]` ends the stream. A failure is told by an
//! event that holds the envelope of failures: those clients raise it. What has failed before anything was said is
//! an ordinary failure.

use std::{convert::Infallible, time::Duration};

use async_stream::stream;
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::StreamExt as _;
use reef_commands::{
    Answer as Done,
    conversation::{ReplyPart, ReplyParts, reply_to},
};
use reef_projections::views::agent::AgentDoc;

use super::{failed, wire};
use crate::{
    Problem,
    dialect::{Answer, Call},
    thermidora::error,
};

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
/// How long an answer waits for the first word: a failure until then has a status of its own.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// The answer to the message that `done` sent.
pub(super) async fn answer(
    call: &Call,
    agent: &AgentDoc,
    done: &Done,
    mut parts: ReplyParts,
) -> Result<Response, Problem> {
    let first = tokio::time::timeout(FIRST_WORD, parts.next())
        .await
        .ok()
        .flatten();
    if let Some(ReplyPart::Failed { code, reason }) = first {
        return Err(failed(code, &reason));
    }
    let reply = reply_to(done).ok_or_else(|| Problem::internal(&"a message was sent without an id"))?;
    let form = Form {
        id: format!("chatcmpl-{reply}"),
        created: call.state().services().clock.now().timestamp(),
        model: agent.model.clone(),
    };
    let heartbeat = call.state().config().heartbeat;
    let head = Answer::ok(()).of(done).into_response();
    let parts = futures::stream::iter(first).chain(parts);
    let mut response = Response::new(Body::from_stream(frames(form, parts.boxed(), heartbeat)));
    *response.headers_mut() = head.headers().clone();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, EVENT_STREAM);
    Ok(response)
}

fn frames(
    form: Form,
    mut parts: ReplyParts,
    heartbeat: Duration,
) -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    stream! {
        let role = wire::Delta { role: Some("assistant"), content: Some("") };
        yield Ok(form.chunk(role, None));
        loop {
            match tokio::time::timeout(heartbeat, parts.next()).await {
                Err(_) => yield Ok(Bytes::from_static(b": still thinking\n\n")),
                Ok(Some(ReplyPart::Delta { text })) => {
                    yield Ok(form.chunk(wire::Delta { role: None, content: Some(&text) }, None));
                }
                Ok(Some(ReplyPart::Completed { .. })) => {
                    yield Ok(form.chunk(wire::Delta::default(), Some("stop")));
                    yield Ok(Bytes::from_static(b"data: [DONE]\n\n"));
                    return;
                }
                Ok(Some(ReplyPart::Failed { code, reason })) => {
                    yield Ok(event(&error::text(&failed(code, &reason))));
                    return;
                }
                Ok(None) => {
                    yield Ok(event(&error::text(&failed("interrupted".to_owned(), "it broke off"))));
                    return;
                }
            }
        }
    }
}

/// What all chunks of a reply share.
struct Form {
    id: String,
    created: i64,
    model: String,
}

impl Form {
    fn chunk(&self, delta: wire::Delta<'_>, finish_reason: Option<&'static str>) -> Bytes {
        let chunk = wire::Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices: [wire::Choice {
                index: 0,
                delta,
                finish_reason,
            }],
        };
        event(&serde_json::to_string(&chunk).unwrap_or_default())
    }
}

/// JSON text has no line ends, so one `data:` line is enough.
fn event(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
}
