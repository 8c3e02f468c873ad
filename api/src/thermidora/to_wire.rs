//! From documents to the wire.

mod api_keys;
mod webhooks;

pub(super) use api_keys::*;
pub(super) use webhooks::*;
