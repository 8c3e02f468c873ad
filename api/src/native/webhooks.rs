//! How a webhook's deliveries fare: bounded stores, which no view holds.

use axum::extract::{Path, State};
use reef_commands::ports::{Attempt, AttemptQuery, Standing};
use reef_domain::{
    WebhookId,
    webhook::{DisableReason, WebhookStatus},
};
use reef_projections::{
    Projection as _,
    views::webhook::{WebhookDoc, Webhooks},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{documents::is_storable, views};
use crate::{App, Problem, answer::Answered, auth::Principal, params::Params, problem::not_found};

const KIND: &str = "webhook";

/// A page of tries.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Attempts {
    /// The tries, newest first.
    data: Vec<Attempt>,
    /// Pass as `after` for the page that follows; null: this was the last.
    next: Option<u64>,
}

/// How a webhook's deliveries fare.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeliveryStatus {
    /// The webhook.
    webhook_id: WebhookId,
    /// Whether it delivers.
    status: WebhookStatus,
    /// Why it does not, where it does not.
    disabled: Option<DisableReason>,
    #[serde(flatten)]
    standing: Standing,
    /// The newest try; null: there was none, or it was too long ago to be kept.
    last_attempt: Option<Attempt>,
}

/// `GET /v1/webhooks/{id}/attempts`.
pub(super) async fn attempts(
    State(state): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Answered, Problem> {
    let webhook = readable(&state, &principal, &id).await?;
    let limit = params.number("limit", 1..=500, 50)?;
    let query = AttemptQuery {
        position: params.position("position")?,
        before: params.position("after")?,
        limit: limit + 1,
    };
    params.finish(&["position", "after", "limit"])?;
    let mut data = state.parts.deliveries.attempts(&webhook.id, &query).await?;
    let more = data.len() > limit as usize;
    data.truncate(limit as usize);
    let next = data.last().map(|attempt| attempt.number).filter(|_| more);
    Answered::of(&Attempts { data, next })
}

/// `GET /v1/webhooks/{id}/status`.
pub(super) async fn status(
    State(state): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    params: Params,
) -> Result<Answered, Problem> {
    params.finish(&[])?;
    let webhook = readable(&state, &principal, &id).await?;
    let newest = AttemptQuery {
        limit: 1,
        ..AttemptQuery::default()
    };
    let deliveries = &state.parts.deliveries;
    let last_attempt = deliveries.attempts(&webhook.id, &newest).await?.pop();
    Answered::of(&DeliveryStatus {
        standing: deliveries.standing(&webhook.id).await?,
        webhook_id: webhook.id,
        status: webhook.status,
        disabled: webhook.disabled.map(|disabled| disabled.reason),
        last_attempt,
    })
}

/// The webhook, if there is one of that id that the caller may read.
async fn readable(state: &App, principal: &Principal, id: &str) -> Result<WebhookDoc, Problem> {
    principal.require(&views::scope(Webhooks::NAME))?;
    let found = if is_storable(id) {
        state.views_port().doc::<Webhooks>(id).await?
    } else {
        None
    };
    found
        .filter(|webhook| principal.may_read(Some(&webhook.account_id)))
        .ok_or_else(|| not_found(KIND, id))
}
