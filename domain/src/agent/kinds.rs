//! The small words of an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PolicyId;

/// Where an agent is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// Described, and nowhere yet.
    #[default]
    Defined,
    /// On its way to its runtime.
    Provisioning,
    /// Its runtime said so.
    Running,
    /// Stopped on request, or with its own runtime.
    Stopped,
    /// It did not come up, or broke.
    Failed,
    /// Being removed; for clients it is gone.
    Deleting,
    /// Gone.
    Deleted,
}

impl AgentStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Defined,
        Self::Provisioning,
        Self::Running,
        Self::Stopped,
        Self::Failed,
        Self::Deleting,
        Self::Deleted,
    ];

    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Provisioning => "provisioning",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }
}

/// Why an agent stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentStopReason {
    /// Somebody asked for it.
    Requested,
    /// Its own runtime stopped.
    RuntimeStopped,
}

/// What a runtime was given of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// In which run of the runtime.
    pub run: u32,
    /// The policy it had then.
    pub policy_id: Option<PolicyId>,
    /// The rules of that policy then; `None`: it had no policy.
    pub rules: Option<String>,
    /// The revision of its workspace files then; `None`: it had none of its owner's.
    #[serde(default)]
    pub files: Option<u64>,
}
