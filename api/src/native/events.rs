//! The event feed: batches with long polling, and a stream.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use futures::StreamExt as _;
use reef_commands::{cloud_event, ports::EventQuery};
use tokio::time::Instant;

use crate::{
    App, Problem,
    answer::Answered,
    auth::Principal,
    feed::{EventFilter, PARAMETERS, Subscriber},
    page,
    params::Params,
};

/// The scope that reading events needs.
pub(crate) const SCOPE: &str = "events:read";
/// Where the next batch begins.
const NEXT: HeaderName = HeaderName::from_static("reef-next");

/// `GET /v1/events`.
pub(super) async fn batch(
    State(state): State<App>,
    principal: Principal,
    mut params: Params,
) -> Result<Answered, Problem> {
    principal.require(SCOPE)?;
    let filter = EventFilter::take(&mut params, &principal)?;
    let after = params.position("after")?.unwrap_or(0);
    let limit = params.number("limit", 1..=1000, 100)?;
    let wait = params.number("wait", 0..=60, 0)?;
    params.finish(&[&PARAMETERS[..], &["after", "limit", "wait"]].concat())?;
    let deadline = Instant::now() + Duration::from_secs(wait.into());
    let Read { batch, head, next } = poll(&state, &filter.query(after, limit), deadline).await?;
    let link = format!("</v1/events?after={next}&limit={limit}>; rel=\"next\"");
    let link = HeaderValue::try_from(link).map_err(|error| Problem::internal(&error))?;
    Ok(Answered::new(HeaderValue::from_static(cloud_event::BATCH), batch)
        .at(head)
        .with(NEXT, HeaderValue::from(next))
        .with(header::LINK, link))
}

struct Read {
    batch: String,
    head: u64,
    /// Everything wanted up to here has been read.
    next: u64,
}

/// Reads; where there is nothing yet, waits for more until the deadline.
async fn poll(state: &App, query: &EventQuery, deadline: Instant) -> Result<Read, Problem> {
    let mut newest = state.log().watch();
    loop {
        let head = *newest.borrow_and_update();
        let events = state.log().read(query).await?;
        let waited = Instant::now() >= deadline || state.parts.shutdown.is_cancelled();
        if !events.is_empty() || waited {
            let last = events.last().map_or(query.after, |last| last.position);
            let is_full = events.len() >= query.limit as usize;
            let next = if is_full {
                last
            } else {
                last.max(head).max(query.after)
            };
            let texts = events.iter().map(|envelope| {
                let mut text = String::new();
                cloud_event::write(envelope, &mut text);
                text
            });
            let mut batch = String::from("[");
            page::join(&mut batch, texts);
            batch.push(']');
            return Ok(Read {
                batch,
                head: head.max(last),
                next,
            });
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => {}
            () = state.parts.shutdown.cancelled() => {}
            changed = newest.changed() => changed.map_err(|error| Problem::internal(&error))?,
        }
    }
}

/// `GET /v1/events/stream`.
pub(super) async fn stream(
    State(state): State<App>,
    principal: Principal,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Answered, Problem> {
    principal.require(SCOPE)?;
    let filter = EventFilter::take(&mut params, &principal)?;
    let after = params.position("after")?;
    params.finish(&[&PARAMETERS[..], &["after"]].concat())?;
    // A reconnecting client repeats its address; where it was counts.
    let after = last_event_id(&state, &headers).await?.or(after);
    let subscriber = Subscriber::new(&state, principal, filter, after)?;
    let body = subscriber.into_body().boxed();
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(Answered::from(response))
}

/// Where the client was: a position that the log has reached.
async fn last_event_id(state: &App, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let wrong = |detail: &str| Problem::parameter("Last-Event-ID", detail);
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let position = text
        .parse::<u64>()
        .ok()
        .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let position = position.ok_or_else(|| wrong("Last-Event-ID is the position of an event."))?;
    if position > state.head() && position > state.log().head().await?.position {
        return Err(wrong("Last-Event-ID is beyond the end of the log."));
    }
    Ok(Some(position))
}
