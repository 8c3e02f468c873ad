//! From documents to the wire.

mod agents;
mod api_keys;
mod auth;
mod events;
mod instances;
mod messages;
mod skills;
mod webhooks;

pub(super) use agents::*;
pub(super) use api_keys::*;
pub(super) use auth::*;
pub(super) use events::*;
pub(super) use instances::*;
pub(super) use messages::*;
pub(super) use skills::*;
pub(super) use webhooks::*;
