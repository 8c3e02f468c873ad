//! Instances.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dialect::Millis;

/// How a new instance is to be called.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct CreateInstance {
    /// Display name; need not be unique.
    #[schemars(length(min = 1, max = 64))]
    pub(in crate::thermidora) name: String,
}

/// What an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::thermidora) enum InstanceStatus {
    Provisioning,
    Running,
    Stopped,
    Destroying,
    Error,
}

/// What an agent of an instance does: it is there.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::thermidora) enum AgentStatus {
    Active,
}

/// A new instance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct NewInstance {
    pub(in crate::thermidora) instance_id: String,
    pub(in crate::thermidora) name: String,
    pub(in crate::thermidora) status: InstanceStatus,
    pub(in crate::thermidora) agents: Vec<AgentLabel>,
}

/// An agent as its instance shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct AgentLabel {
    pub(in crate::thermidora) agent_id: String,
    pub(in crate::thermidora) slug: String,
    pub(in crate::thermidora) status: AgentStatus,
}

/// An instance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "named as on the wire")]
pub(in crate::thermidora) struct Instance {
    pub(in crate::thermidora) instance_id: String,
    pub(in crate::thermidora) name: String,
    /// As its infrastructure says at this moment.
    pub(in crate::thermidora) status: InstanceStatus,
    pub(in crate::thermidora) agents: Vec<AgentLabel>,
    /// When it was started last; null: it never ran.
    pub(in crate::thermidora) started_at: Option<Millis>,
    /// How long it ran, over all its runs.
    pub(in crate::thermidora) total_runtime_ms: u64,
    /// The part of that which is charged already.
    pub(in crate::thermidora) billed_ms: u64,
}

/// The account's instances.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Instances {
    pub(in crate::thermidora) instances: Vec<Instance>,
}

/// What an instance does by now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct InstanceState {
    pub(in crate::thermidora) instance_id: String,
    pub(in crate::thermidora) status: InstanceStatus,
}
