//! The native API: commands in, views to read, events out.

mod bench;
mod catalogue;
mod commands;
pub(crate) mod docs;
mod documents;
mod events;
mod log;
mod machines;
mod node;
pub(crate) mod openapi;
mod operations;
mod operator;
mod policy;
mod reply;
mod state;
mod streams;
mod views;
mod webhooks;

pub(crate) use operations::revalidated;

use std::time::Duration;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::{
    App, Problem,
    edge::{Access, Edge, edge},
    face::NATIVE,
};

/// Every route of the native API, and what answers where there is no route at all.
pub(crate) fn routes(state: &App) -> Router<App> {
    let patience = Some(state.config().request_timeout);
    let open = Router::new()
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz));
    let counted = Router::new()
        .route("/", get(operations::front))
        .route("/openapi.json", get(operations::openapi))
        .route("/docs", get(operations::docs))
        .fallback(unknown_route);
    let metrics = Router::new().route("/metrics", get(operations::metrics));
    let metrics_access = if state.config().open_metrics {
        Access::Open
    } else {
        Access::Credential
    };
    Router::new()
        .merge(layered(open, state, Access::Open, patience))
        .merge(layered(metrics, state, metrics_access, patience))
        .merge(layered(reads(state), state, Access::Credential, patience))
        // These wait for something on purpose, and limit that themselves.
        .merge(layered(waiting(), state, Access::Credential, None))
        .merge(layered(machines(), state, Access::Counted, None))
        .merge(layered(counted, state, Access::Counted, patience))
}

fn reads(state: &App) -> Router<App> {
    let router = Router::new()
        .route("/v1/commands", get(catalogue::list))
        .route("/v1/views", get(views::list))
        .route("/v1/views/{view}", get(documents::list))
        .route("/v1/views/{view}/{id}", get(documents::get))
        .route("/v1/streams/{type}/{id}", get(streams::events))
        .route("/v1/streams/{type}/{id}/state", get(state::get))
        .route("/v1/machines", get(machines::list))
        .route("/v1/log/checkpoint", get(log::checkpoint))
        .route("/v1/log/key", get(log::key))
        .route("/v1/log/leaves", get(log::leaves))
        .route("/v1/log/proof/inclusion", get(log::inclusion))
        .route("/v1/log/proof/consistency", get(log::consistency))
        .route("/v1/policies/evaluate", post(policy::evaluate))
        .route("/v1/policies/evaluate/tasks", post(policy::evaluate_tasks))
        .route("/v1/webhooks/{id}/attempts", get(webhooks::attempts))
        .route("/v1/webhooks/{id}/status", get(webhooks::status))
        .route("/v1/parked", get(operator::parked))
        .route("/v1/system", get(operator::system));
    if state.config().bench_routes {
        router.route("/bench/noop", get(bench::read).post(bench::write))
    } else {
        router
    }
}

fn waiting() -> Router<App> {
    Router::new()
        .route("/v1/commands/{name}", get(catalogue::get).post(commands::run))
        .route("/v1/events", get(events::batch))
        .route("/v1/events/stream", get(events::stream))
        .route("/v1/parked/retry", post(operator::retry))
        .route("/v1/views/{view}/rebuild", post(operator::rebuild))
}

/// Machines bring credentials of their own: a code, then a token.
fn machines() -> Router<App> {
    Router::new()
        .route("/v1/node/activate", post(node::activate))
        .route("/v1/node/connect", get(node::connect))
}

fn layered(router: Router<App>, state: &App, access: Access, patience: Option<Duration>) -> Router<App> {
    router.layer(middleware::from_fn_with_state(
        Edge {
            state: state.clone(),
            face: &NATIVE,
            access,
            patience,
            own: None,
        },
        edge,
    ))
}

async fn unknown_route() -> Problem {
    Problem::of(
        "unknown_route",
        "There is no such route; /openapi.json lists those there are.",
    )
}

#[cfg(test)]
mod tests;
