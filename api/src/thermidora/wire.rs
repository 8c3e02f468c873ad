//! What goes over the wire, without any logic.

mod api_keys;
mod auth;
mod events;
mod webhooks;

pub(super) use api_keys::*;
pub(super) use auth::*;
pub(super) use events::*;
pub(super) use webhooks::*;
