//! The VM and its gateway.

use schemars::JsonSchema;
use serde::Serialize;

/// Where the VM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tropic) enum VmStatus {
    /// There is none, or it is down.
    Stopped,
    /// It is being made.
    Provisioning,
    /// It is coming up.
    Starting,
    /// It was seen to run.
    Running,
    /// It is going down.
    Stopping,
}

/// A VM that was started.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct StartedVm {
    pub(in crate::tropic) status: VmStatus,
    /// What its provider calls it.
    pub(in crate::tropic) instance_id: String,
}

/// A VM that was stopped.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct StoppedVm {
    pub(in crate::tropic) status: VmStatus,
}

/// The VM as it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Vm {
    pub(in crate::tropic) status: VmStatus,
    pub(in crate::tropic) instance_id: Option<String>,
    /// While it runs.
    pub(in crate::tropic) public_ip: Option<String>,
    pub(in crate::tropic) region: Option<String>,
}

/// What the gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tropic) enum GatewayStatus {
    /// It serves.
    Running,
    /// It is coming up anew.
    Restarting,
    /// The VM does not run.
    Stopped,
}

/// The chat gateway on the VM.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Gateway {
    pub(in crate::tropic) gateway_status: GatewayStatus,
    /// Seconds since it last started; 0: it does not run.
    pub(in crate::tropic) uptime: u64,
}

/// The gateway was asked to restart.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct RestartedGateway {
    pub(in crate::tropic) status: GatewayStatus,
}
