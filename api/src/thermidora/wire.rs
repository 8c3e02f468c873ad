//! What goes over the wire, without any logic.

mod api_keys;

pub(super) use api_keys::*;
