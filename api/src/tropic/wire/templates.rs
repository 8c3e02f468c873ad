//! Templates, and what agents copy of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// A template of the marketplace.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Template {
    /// `tmpl_` and the slug.
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) slug: String,
    pub(in crate::tropic) description: String,
    pub(in crate::tropic) icon: String,
    pub(in crate::tropic) bundle_config: Config,
    /// Rules of the policy that an agent gets without any other.
    pub(in crate::tropic) default_policy: String,
}

/// What an agent starts with.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct Config {
    pub(in crate::tropic) agent: ConfigAgent,
    /// Workspace files: path to text.
    pub(in crate::tropic) workspace: BTreeMap<String, String>,
}

/// Model and skills.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct ConfigAgent {
    pub(in crate::tropic) model: String,
    pub(in crate::tropic) skills: Vec<String>,
}

/// A template in a row of agents.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::tropic) struct TemplateLabel {
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) slug: String,
    pub(in crate::tropic) icon: String,
}
