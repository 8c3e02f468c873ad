//! The one router of the server: the native API, and every dialect below its base path.

use axum::Router;

use crate::{ApiState, native, thermidora, tropic};

/// Every route of the server.
pub fn router(state: ApiState) -> Router {
    let ApiState(state) = state;
    native::routes(&state)
        .nest(thermidora::BASE, thermidora::api().into_router(&state))
        .nest(tropic::BASE, tropic::api().into_router(&state))
        .with_state(state)
}
