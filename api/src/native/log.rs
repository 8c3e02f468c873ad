//! Tamper evidence: signed checkpoints and proofs.

use axum::{extract::State, http::HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reef_commands::{merkle::Hash, ports::EventQuery};
use serde_json::json;

use crate::{
    App, Problem,
    answer::Answered,
    auth::{Operator, Principal},
    params::Params,
    problem::not_found,
};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// `GET /v1/log/checkpoint`.
pub(super) async fn checkpoint(
    State(state): State<App>,
    _: Principal,
    params: Params,
) -> Result<Answered, Problem> {
    params.finish(&[])?;
    let head = state.log().head().await?;
    Ok(Answered::new(TEXT, state.parts.checkpoint_key.checkpoint(&head)).at(head.position))
}

/// `GET /v1/log/key`: the key that checkpoints are verified with.
pub(super) async fn key(State(state): State<App>, _: Principal, params: Params) -> Result<Answered, Problem> {
    params.finish(&[])?;
    Ok(Answered::new(
        TEXT,
        format!("{}\n", state.parts.checkpoint_key.verifier_key()),
    ))
}

/// `GET /v1/log/leaves`: leaf hashes in order of position, for whoever checks an export.
pub(super) async fn leaves(
    State(state): State<App>,
    _: Operator,
    mut params: Params,
) -> Result<Answered, Problem> {
    let after = params.position("after")?.unwrap_or(0);
    let limit = params.number("limit", 1..=1000, 1000)?;
    params.finish(&["after", "limit"])?;
    let head = state.log().head().await?.position;
    let last = after.saturating_add(u64::from(limit)).min(head);
    let leaves = if after < last {
        state.log().leaves(after + 1, last).await?
    } else {
        Vec::new()
    };
    let data: Vec<String> = leaves.iter().map(hex::encode).collect();
    Ok(Answered::of(&json!({ "data": data, "position": head }))?.at(head))
}

/// `GET /v1/log/proof/inclusion`: of the event at `position` in the log of `size` events.
pub(super) async fn inclusion(
    State(state): State<App>,
    principal: Principal,
    mut params: Params,
) -> Result<Answered, Problem> {
    let position = params.position("position")?;
    let size = params.position("size")?;
    params.finish(&["position", "size"])?;
    let position =
        position.ok_or_else(|| Problem::parameter("position", "Name the position of an event."))?;
    let size = tree_size(&state, size, "size").await?;
    let unknown = || not_found("event", &format!("at position {position} of {size}"));
    if position == 0 || position > size || !owns(&state, &principal, position).await? {
        return Err(unknown());
    }
    let proof = state
        .proofs
        .inclusion(position - 1, size)
        .await?
        .ok_or_else(unknown)?;
    let answer = json!({
        "position": position,
        "index": position - 1,
        "size": size,
        "leaf_hash": STANDARD.encode(state.proofs.leaf(position - 1).await?),
        "proof": encoded(&proof),
        "root": STANDARD.encode(state.proofs.root(size).await?),
    });
    Ok(Answered::of(&answer)?.at(size))
}

/// `GET /v1/log/proof/consistency`: that the log of `from` events is a prefix of that of `to` events.
pub(super) async fn consistency(
    State(state): State<App>,
    _: Operator,
    mut params: Params,
) -> Result<Answered, Problem> {
    let from = params.position("from")?;
    let to = params.position("to")?;
    params.finish(&["from", "to"])?;
    let from = from.ok_or_else(|| Problem::parameter("from", "Name the size of the older log."))?;
    let to = tree_size(&state, to, "to").await?;
    let proof = state.proofs.consistency(from, to).await?;
    let proof =
        proof.ok_or_else(|| Problem::parameter("from", "The older log is not larger than the newer one."))?;
    let answer = json!({
        "from": from,
        "to": to,
        "from_root": STANDARD.encode(state.proofs.root(from).await?),
        "to_root": STANDARD.encode(state.proofs.root(to).await?),
        "proof": encoded(&proof),
    });
    Ok(Answered::of(&answer)?.at(to))
}

/// The size asked for, which the log must have reached; the present one where none is named.
async fn tree_size(state: &App, size: Option<u64>, field: &str) -> Result<u64, Problem> {
    let head = state.log().head().await?.position;
    match size {
        Some(size) if size > head => Err(Problem::parameter(field, format!("The log has {head} events."))),
        size => Ok(size.unwrap_or(head)),
    }
}

async fn owns(state: &App, principal: &Principal, position: u64) -> Result<bool, Problem> {
    let query = EventQuery {
        after: position - 1,
        limit: 1,
        ..EventQuery::default()
    };
    let events = state.log().read(&query).await?;
    Ok(events
        .first()
        .is_some_and(|event| principal.may_read(event.account_id.as_ref())))
}

fn encoded(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| STANDARD.encode(hash)).collect()
}
