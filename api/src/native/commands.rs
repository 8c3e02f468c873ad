//! `POST /v1/commands/{name}`: carries a command out.

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use reef_commands::{Answer, Request, UseCase as _, conversation::SendMessage};

use super::{catalogue, reply};
use crate::{
    App, Problem,
    answer::{Answered, ETag, idempotency_key, if_match},
    auth::Principal,
    body::JsonBody,
    edge::RequestId,
};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The handler.
pub(super) async fn run(
    State(state): State<App>,
    principal: Principal,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let spec = catalogue::known(&name)?;
    principal.belongs_to(spec.audience)?;
    principal.require(spec.scope)?;
    let mut request = Request::new(principal.caller().clone(), id.as_str());
    request.idempotency_key = idempotency_key(&headers)?;
    request.if_match = if_match(&headers)?;
    let body = body?;
    if spec.name == SendMessage::NAME {
        return reply::send(&state, &body, request, reply::is_streamed(&headers)?).await;
    }
    // The writer goes on with what it was handed even if nobody waits any longer.
    let run = spec.run(&state.parts.bus, body.object()?, request);
    let answer = tokio::time::timeout(state.config().request_timeout, run)
        .await
        .map_err(|_| timed_out())??;
    Ok(answered(&answer)?.into_response())
}

/// It took too long; it may have happened.
pub(super) fn timed_out() -> Problem {
    let detail = "The command took too long. Its outcome is unknown: repeat it with the same Idempotency-Key to learn it.";
    Problem::of("timeout", detail).retry_after(1)
}

/// The answer with its headers.
pub(super) fn answered(answer: &Answer) -> Result<Answered, Problem> {
    Ok(with_headers(Answered::of(answer)?, answer))
}

/// The headers that answers to commands carry.
pub(super) fn with_headers(answered: Answered, answer: &Answer) -> Answered {
    let answered = answered
        .at(answer.position)
        .tagged(&ETag::Sequence(answer.aggregate.sequence))
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if answer.replayed {
        answered.with(REPLAYED, HeaderValue::from_static("true"))
    } else {
        answered
    }
}
