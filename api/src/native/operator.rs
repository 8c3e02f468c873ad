//! What the operator looks after: parked intents, rebuilding views, the state of the system.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use reef_commands::ports::Parked;
use serde::Deserialize;
use serde_json::json;

use super::views;
use crate::{
    App, Problem,
    answer::Answered,
    auth::{Operator, Principal},
    body::JsonBody,
    params::Params,
    problem::not_found,
};

/// `GET /v1/parked`.
pub(super) async fn parked(
    State(state): State<App>,
    _: Operator,
    mut params: Params,
) -> Result<Answered, Problem> {
    let manager = params.text("manager")?;
    params.finish(&["manager"])?;
    let parked: Vec<Parked> = state.parts.checkpoints.parked(manager.as_deref()).await?;
    Answered::of(&json!({ "data": parked }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    manager: String,
    key: String,
}

/// `POST /v1/parked/retry`.
pub(super) async fn retry(
    State(state): State<App>,
    _: Operator,
    body: JsonBody,
) -> Result<Answered, Problem> {
    let Retry { manager, key } = body.parse()?;
    let retried = state.parts.retry.retry_parked(&manager, &key).await?;
    let retried = retried.ok_or_else(|| not_found("process manager", &manager))?;
    Answered::of(&json!({ "done": retried.done, "stopped_by": retried.stopped_by }))
}

/// `POST /v1/views/{view}/rebuild`: answers once the rebuilt view serves.
pub(super) async fn rebuild(
    State(state): State<App>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Answered, Problem> {
    principal.operator()?;
    let view = views::known(&state, &name)?;
    let port = state.views_port();
    let events = port.rebuild(&[view.name().to_owned()]).await?;
    let digest = hex::encode(port.digest(view.name()).await?);
    Answered::of(
        &json!({ "view": view.name(), "version": view.version(), "events": events, "digest": digest }),
    )
}

/// `GET /v1/system`.
pub(super) async fn system(
    State(state): State<App>,
    _: Operator,
    params: Params,
) -> Result<Answered, Problem> {
    params.finish(&[])?;
    let head = state.log().head().await?.position;
    let checkpoints = state.parts.checkpoints.checkpoints().await?;
    let followers: BTreeMap<_, _> = checkpoints
        .into_iter()
        .map(|(name, position)| {
            (
                name,
                json!({ "position": position, "lag": head.saturating_sub(position) }),
            )
        })
        .collect();
    let parked = state.parts.checkpoints.parked(None).await?.len();
    let providers: Vec<_> = state.parts.drivers.providers().collect();
    let views: BTreeMap<_, _> = state
        .views
        .values()
        .map(|view| (view.name(), view.version()))
        .collect();
    let answer = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "position": head,
        "origin": state.parts.checkpoint_key.origin(),
        "followers": followers,
        "parked": parked,
        "providers": providers,
        "views": views,
        "streams": state.hub.subscribers(),
    });
    Ok(Answered::of(&answer)?.at(head))
}
