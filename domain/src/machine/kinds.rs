//! Whose computer a machine is, and where it is in its life.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose computer it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineKind {
    /// A person's own, which connects to us.
    #[default]
    Local,
    /// A runtime of ours, whatever its provider.
    Cloud,
}

/// Where a machine is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineStatus {
    /// Registered; its activation code was not used yet.
    #[default]
    Pending,
    /// It has a node token. Of a cloud machine: it is listed; how it does is the runtime's to say.
    Active,
    /// No longer in the list.
    Removed,
}

impl MachineStatus {
    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Removed => "removed",
        }
    }

    /// The status of one just registered: only a person's own machine must be activated.
    pub fn at_first(kind: MachineKind) -> Self {
        match kind {
            MachineKind::Local => Self::Pending,
            MachineKind::Cloud => Self::Active,
        }
    }
}
