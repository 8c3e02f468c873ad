//! Agents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, Template, TemplateLabel};
use crate::dialect::{Millis, StoredMillis, required_nullable};

/// Where an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tropic) enum AgentStatus {
    /// It waits for the VM, or for its push.
    Provisioning,
    /// It is on the VM.
    Ready,
    /// Somebody stopped it.
    Stopped,
    /// Its push failed.
    Error,
}

/// A newly deployed agent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct DeployedAgent {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) user_id: String,
    pub(in crate::tropic) template_id: String,
    pub(in crate::tropic) policy_id: Option<String>,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) status: AgentStatus,
    pub(in crate::tropic) config: Config,
    pub(in crate::tropic) created_at: Millis,
}

/// An agent in a list. Lists are long: rows borrow from what was read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct AgentRow<'a> {
    pub(in crate::tropic) id: &'a str,
    pub(in crate::tropic) name: &'a str,
    pub(in crate::tropic) status: AgentStatus,
    pub(in crate::tropic) policy_id: Option<&'a str>,
    pub(in crate::tropic) template: &'a TemplateLabel,
    pub(in crate::tropic) policy: Option<&'a PolicyLabel>,
    pub(in crate::tropic) created_at: StoredMillis<'a>,
}

/// A policy in a row of agents.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::tropic) struct PolicyLabel {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
}

/// An agent with everything about it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Agent {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) user_id: String,
    pub(in crate::tropic) template_id: String,
    pub(in crate::tropic) policy_id: Option<String>,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) status: AgentStatus,
    pub(in crate::tropic) template: Template,
    pub(in crate::tropic) policy: Option<PolicyText>,
    pub(in crate::tropic) config: Config,
    pub(in crate::tropic) created_at: Millis,
}

/// A policy with its rules.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct PolicyText {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) rules: String,
}

/// An agent after another policy was attached.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct AgentWithPolicy {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) status: AgentStatus,
    pub(in crate::tropic) template: TemplateLabel,
    pub(in crate::tropic) policy: Option<PolicyLabel>,
}

/// An agent after it was started or stopped.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct AgentState {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) status: AgentStatus,
}

/// A new agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct DeployAgent {
    /// Id of a template of the marketplace.
    pub(in crate::tropic) template_id: String,
    /// 1 to 100 characters after trimming.
    #[schemars(length(min = 1))]
    pub(in crate::tropic) name: String,
    /// A policy of the caller; without one, it is made of the caller's settings.
    #[serde(default)]
    pub(in crate::tropic) policy_id: Option<String>,
}

/// Another policy for an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct UpdateAgentPolicy {
    /// A policy of the caller, or null to have none.
    #[serde(deserialize_with = "required_nullable")]
    #[schemars(required)]
    pub(in crate::tropic) policy_id: Option<String>,
}
