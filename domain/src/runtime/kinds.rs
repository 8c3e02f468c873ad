//! The small words of a runtime.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VaultRef;

/// Whether a runtime serves one agent or several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tenancy {
    /// One agent; it goes with the agent.
    #[default]
    Dedicated,
    /// Several agents of one owner.
    Shared,
}

impl Tenancy {
    /// The tenancy as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
        }
    }
}

/// Where a runtime is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeStatus {
    /// Being made.
    #[default]
    Provisioning,
    /// There, and coming up.
    Starting,
    /// Seen running.
    Running,
    /// Going down.
    Stopping,
    /// Down; its files stay.
    Stopped,
    /// It did not come up, or broke.
    Failed,
    /// Being removed.
    Destroying,
    /// Gone.
    Destroyed,
}

impl RuntimeStatus {
    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Destroying => "destroying",
            Self::Destroyed => "destroyed",
        }
    }
}

/// Why a runtime is to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeStopReason {
    /// Somebody asked for it.
    Requested,
    /// The balance does not cover another interval.
    BalanceExhausted,
    /// The agent whose own it is stopped.
    AgentStopped,
}

/// The key pair its owner logs in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// One line of `authorized_keys`.
    pub public_key: String,
    /// Where the private key is, until it was given away.
    pub private_key: Option<VaultRef>,
}

/// How a running runtime feels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does not run.
    #[default]
    Unknown,
    /// As it should.
    Healthy,
    /// It answers, and something is wrong.
    Degraded,
    /// It does not answer.
    Unreachable,
}
