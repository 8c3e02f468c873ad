//! The events of one aggregate.

use std::sync::Arc;

use axum::extract::{Path, State};
use reef_commands::{cloud_event, ports::StreamKey};

use super::{documents::is_storable, events::SCOPE};
use crate::{
    App, Problem,
    answer::{Answered, ETag},
    auth::Principal,
    feed::aggregate_type_named,
    page,
    params::Params,
    problem::not_found,
};

/// `GET /v1/streams/{type}/{id}`: `after` and `next` are sequences.
pub(super) async fn events(
    State(state): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
    mut params: Params,
) -> Result<Answered, Problem> {
    let after = params.position("after")?.unwrap_or(0);
    let limit = params.number("limit", 1..=1000, 100)?;
    params.finish(&["after", "limit"])?;
    let key = readable(&state, &principal, &kind, &id).await?;
    let head = state.head();
    // One more than asked for tells whether there is a next page.
    let mut events = state.log().stream(&key, after, limit + 1).await?;
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let last = events.last();
    let next = last.filter(|_| more).map(|last| last.sequence);
    let position = last.map_or(head, |last| last.position.max(head));
    let texts = events.iter().map(|envelope| {
        let mut text = String::new();
        cloud_event::write(envelope, &mut text);
        text
    });
    let answered = Answered::json(page::page(texts, next, position)).at(position);
    Ok(match last.filter(|_| !more) {
        Some(last) => answered.tagged(&ETag::Sequence(last.sequence)),
        None => answered,
    })
}

/// The stream, if it exists and the caller may read it. Who it belongs to is in its first event.
pub(super) async fn readable(
    state: &App,
    principal: &Principal,
    kind: &str,
    id: &str,
) -> Result<StreamKey, Problem> {
    principal.require(SCOPE)?;
    let unknown = || not_found(kind, id);
    let aggregate_type = aggregate_type_named(kind)
        .ok_or_else(|| Problem::of("not_found", format!("There is no aggregate type {kind:?}.")))?;
    if !is_storable(id) {
        return Err(unknown());
    }
    let key = StreamKey {
        aggregate_type,
        aggregate_id: Arc::from(id),
    };
    let first = state.log().stream(&key, 0, 1).await?;
    let first = first
        .first()
        .filter(|first| principal.may_read(first.account_id.as_ref()));
    first.map(|_| key).ok_or_else(unknown)
}
