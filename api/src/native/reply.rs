//! `SendMessage`: waits for the agent's reply, or streams it as it is said.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use reef_commands::{
    Answer, Request,
    conversation::{ReplyPart, ReplyParts, SendMessage},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::commands::{answered, timed_out, with_headers};
use crate::{App, Problem, answer::Answered, body::JsonBody};

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Whether the client wants the reply as it is said; an answer must be possible in one of its forms.
pub(super) fn is_streamed(headers: &HeaderMap) -> Result<bool, Problem> {
    let texts = headers
        .get_all(header::ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let accepted: Vec<&str> = texts.flat_map(|text| text.split(',')).map(kind).collect();
    if accepted.contains(&"text/event-stream") {
        return Ok(true);
    }
    let any_json = |kind: &&str| matches!(*kind, "application/json" | "application/*" | "*/*");
    if accepted.is_empty() || accepted.iter().any(any_json) {
        return Ok(false);
    }
    Err(Problem::of(
        "not_acceptable",
        "Replies come as application/json or text/event-stream.",
    ))
}

fn kind(part: &str) -> &str {
    part.split(';').next().unwrap_or_default().trim()
}

/// Sends the message, and gives the reply in the form that was asked for.
pub(super) async fn send(
    state: &App,
    body: &JsonBody,
    request: Request,
    streamed: bool,
) -> Result<Response, Problem> {
    let command: SendMessage = body.parse()?;
    let deadline = Instant::now() + state.config().reply_timeout;
    let sending = state.parts.chat.send(&command, request);
    let (answer, parts) = tokio::time::timeout_at(deadline, sending)
        .await
        .map_err(|_| timed_out())??;
    if streamed {
        return Ok(stream(&answer, parts).into_response());
    }
    let waited = tokio::time::timeout_at(deadline, last(parts))
        .await
        .map_err(|_| still_talking())?;
    let (reply, position) = recorded(waited)?;
    Ok(answered(&with_reply(answer, reply, position))?.into_response())
}

fn still_talking() -> Problem {
    let detail = "The agent has not finished its reply. It will be in the conversation's messages.";
    Problem::of("timeout", detail).retry_after(5)
}

async fn last(mut parts: ReplyParts) -> Option<ReplyPart> {
    let mut last = None;
    while let Some(part) = parts.next().await {
        last = Some(part);
    }
    last
}

/// The reply as it was recorded, and the position of that; a failure becomes a problem.
fn recorded(last: Option<ReplyPart>) -> Result<(Value, u64), Problem> {
    match last {
        Some(ReplyPart::Completed {
            message_id,
            content,
            model,
            usage,
            position,
        }) => {
            let reply =
                json!({ "message_id": message_id, "content": content, "model": model, "usage": usage });
            Ok((reply, position))
        }
        Some(ReplyPart::Failed { code, reason }) => Err(failed(code, reason)),
        Some(ReplyPart::Delta { .. }) | None => Err(Problem::of(
            "unavailable",
            "The reply was interrupted; its message says what became of it.",
        )),
    }
}

fn failed(code: String, reason: String) -> Problem {
    Problem::new(axum::http::StatusCode::BAD_GATEWAY, code, reason)
}

fn with_reply(mut answer: Answer, reply: Value, position: u64) -> Answer {
    answer.position = answer.position.max(position);
    let mut result = answer.result.take().unwrap_or_else(|| json!({}));
    result["reply"] = reply;
    answer.result = Some(result);
    answer
}

/// The stream: `sent` with the answer to the command, `delta`s, then `message` or `error`.
fn stream(answer: &Answer, parts: ReplyParts) -> Answered {
    let sent = event("sent", &serde_json::to_string(answer).unwrap_or_default());
    let head = futures::stream::iter([Ok::<_, Infallible>(sent)]);
    let body = head.chain(frames(parts));
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, EVENT_STREAM);
    with_headers(Answered::from(response), answer)
}

fn frames(parts: ReplyParts) -> impl Stream<Item = Result<Bytes, Infallible>> {
    parts.map(|part| Ok(frame(part)))
}

fn frame(part: ReplyPart) -> Bytes {
    match part {
        ReplyPart::Delta { text } => event("delta", &json!({ "text": text }).to_string()),
        completed @ ReplyPart::Completed { .. } => match recorded(Some(completed)) {
            Ok((mut reply, position)) => {
                reply["position"] = position.into();
                event("message", &reply.to_string())
            }
            Err(problem) => event("error", &String::from_utf8_lossy(&problem.body("-"))),
        },
        ReplyPart::Failed { code, reason } => {
            event("error", &String::from_utf8_lossy(&failed(code, reason).body("-")))
        }
    }
}

/// JSON text has no line ends, so one `data:` line is enough.
fn event(kind: &str, data: &str) -> Bytes {
    format!("event: {kind}\ndata: {data}\n\n").into()
}
