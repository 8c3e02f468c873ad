//! What goes over the wire, without any logic.

mod api_keys;
mod webhooks;

pub(super) use api_keys::*;
pub(super) use webhooks::*;
