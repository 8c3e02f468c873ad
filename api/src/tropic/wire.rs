//! What goes over the wire, without any logic.

mod agents;
mod api_keys;
mod credits;
mod instances;
mod policies;
mod settings;
mod tasks;
mod templates;
mod vm;

use schemars::JsonSchema;
use serde::Serialize;

pub(super) use agents::*;
pub(super) use api_keys::*;
pub(super) use credits::*;
pub(super) use instances::*;
pub(super) use policies::*;
pub(super) use settings::*;
pub(super) use tasks::*;
pub(super) use templates::*;
pub(super) use vm::*;

/// It was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Success {
    /// Always true.
    pub(super) success: bool,
}
