//! From documents to the wire.

mod api_keys;

pub(super) use api_keys::*;
