//! Agents.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AgentStatus;
use crate::dialect::{Millis, supplied};

/// Models that agents can have.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
pub(in crate::thermidora) enum Model {
    #[default]
    #[serde(rename = "moonshotai.kimi-k2.5")]
    Kimi,
    #[serde(rename = "anthropic.claude-sonnet-4-20250514-v1:0")]
    Sonnet,
}

impl Model {
    pub(in crate::thermidora) fn name(self) -> &'static str {
        match self {
            Self::Kimi => "moonshotai.kimi-k2.5",
            Self::Sonnet => "anthropic.claude-sonnet-4-20250514-v1:0",
        }
    }
}

/// A new agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct CreateAgent {
    #[schemars(length(min = 1, max = 100))]
    pub(in crate::thermidora) name: String,
    /// Its name in addresses: unique in the instance, and for good.
    #[schemars(length(min = 2, max = 32), regex(pattern = "^[a-z0-9][a-z0-9-]*[a-z0-9]$"))]
    pub(in crate::thermidora) slug: String,
    /// What it is called in messages.
    #[schemars(length(min = 1, max = 100))]
    pub(in crate::thermidora) display_name: String,
    /// For good.
    #[serde(default)]
    pub(in crate::thermidora) model: Model,
    /// Whether it starts with the standard workspace files; left out: if no files are given.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "bool")]
    pub(in crate::thermidora) use_defaults: Option<bool>,
    /// Workspace files, name to text; they take the place of standard ones.
    #[serde(default)]
    pub(in crate::thermidora) files: BTreeMap<String, String>,
}

/// What is to change of an agent; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct UpdateAgent {
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(in crate::thermidora) name: Option<String>,
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(in crate::thermidora) display_name: Option<String>,
    /// Workspace files to write, name to text; null removes one.
    #[serde(default)]
    pub(in crate::thermidora) files: BTreeMap<String, Option<String>>,
    /// It is for good: whoever sends one is told so.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(skip)]
    pub(in crate::thermidora) model: Option<Value>,
    /// It is for good: whoever sends one is told so.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(skip)]
    pub(in crate::thermidora) slug: Option<Value>,
}

/// A new agent as it is there.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct NewAgent {
    pub(in crate::thermidora) agent_id: String,
    pub(in crate::thermidora) slug: String,
    pub(in crate::thermidora) display_name: String,
    pub(in crate::thermidora) model: String,
    pub(in crate::thermidora) status: AgentStatus,
}

/// The agents of an instance, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Agents {
    pub(in crate::thermidora) agents: Vec<AgentRow>,
}

/// An agent in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct AgentRow {
    pub(in crate::thermidora) agent_id: String,
    pub(in crate::thermidora) name: String,
    pub(in crate::thermidora) slug: String,
    pub(in crate::thermidora) display_name: String,
    pub(in crate::thermidora) model: String,
    pub(in crate::thermidora) status: AgentStatus,
}

/// An agent with its workspace files.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct Agent {
    #[serde(flatten)]
    pub(in crate::thermidora) row: AgentRow,
    /// What its owner wrote into its workspace, name to text.
    pub(in crate::thermidora) files: BTreeMap<String, String>,
    pub(in crate::thermidora) created_at: Millis,
    pub(in crate::thermidora) updated_at: Millis,
}

/// An agent that is gone.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct DeletedAgent {
    pub(in crate::thermidora) agent_id: String,
    /// Always true.
    pub(in crate::thermidora) deleted: bool,
}
