//! What goes over the wire, without any logic.

mod api_keys;
mod events;
mod webhooks;

pub(super) use api_keys::*;
pub(super) use events::*;
pub(super) use webhooks::*;
