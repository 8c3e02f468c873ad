//! The folded state of any aggregate, now or as of a position or time.

use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use reef_commands::ports::StreamKey;
use reef_domain::Decider;
use serde::Serialize;

use super::streams;
use crate::{
    App, Problem,
    answer::{Answered, ETag},
    auth::Principal,
    params::Params,
    past::{self, PAGE},
    problem::not_found,
};

/// An aggregate as it is or was.
#[derive(Serialize)]
struct Folded<'a, D> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    /// Sequence and position of the last event folded in.
    sequence: u64,
    position: u64,
    recorded_at: DateTime<Utc>,
    state: D,
}

/// `GET /v1/streams/{type}/{id}/state`.
pub(super) async fn get(
    State(state): State<App>,
    principal: Principal,
    Path((kind, id)): Path<(String, String)>,
    mut params: Params,
) -> Result<Answered, Problem> {
    let until = past::at(&state, &mut params).await?;
    params.finish(&["at"])?;
    let key = streams::readable(&state, &principal, &kind, &id).await?;
    let folded = fold_any(&state, &key, until.unwrap_or(u64::MAX)).await?;
    folded.ok_or_else(|| not_found(&kind, &id))
}

macro_rules! fold_by_type {
    ($($decider:ty),* $(,)?) => {
        /// Folds the stream with the decider of its type.
        async fn fold_any(state: &App, key: &StreamKey, until: u64) -> Result<Option<Answered>, Problem> {
            $(
                if key.aggregate_type == <$decider as Decider>::TYPE {
                    return fold::<$decider>(state, key, until).await;
                }
            )*
            Ok(None)
        }
    };
}
reef_domain::for_each_decider!(fold_by_type);

/// Folds the stream's events up to a position; `None`: there were none yet.
async fn fold<D: Decider>(state: &App, key: &StreamKey, until: u64) -> Result<Option<Answered>, Problem> {
    let head = state.head();
    let mut folded = D::default();
    let mut last: Option<(u64, u64, DateTime<Utc>)> = None;
    loop {
        let page = state
            .log()
            .stream(key, last.map_or(0, |(sequence, ..)| sequence), PAGE)
            .await?;
        for envelope in page.iter().take_while(|envelope| envelope.position <= until) {
            let event = D::event_of(&envelope.event);
            folded.evolve(event.ok_or_else(|| Problem::internal(&format!("foreign event in {key}")))?);
            last = Some((envelope.sequence, envelope.position, envelope.recorded_at));
        }
        let is_last = page.len() < PAGE as usize || page.last().is_none_or(|last| last.position > until);
        if is_last {
            break;
        }
    }
    let Some((sequence, position, recorded_at)) = last else {
        return Ok(None);
    };
    let id = &*key.aggregate_id;
    let body = Folded {
        kind: D::TYPE,
        id,
        sequence,
        position,
        recorded_at,
        state: folded,
    };
    let reflected = if until == u64::MAX {
        head.max(position)
    } else {
        until
    };
    Ok(Some(
        Answered::of(&body)?
            .tagged(&ETag::Sequence(sequence))
            .at(reflected),
    ))
}
