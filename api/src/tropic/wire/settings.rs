//! Settings: command bundles, firewall rules, the caller's address.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A group of commands that agents without a policy may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::tropic) enum CommandBundle {
    /// Searching and reading the web.
    BrowserSearch,
    /// Running programs the agent wrote.
    CodeExecution,
    /// Commands of the operating system.
    OsCommands,
}

/// The bundles that are on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::tropic) struct CommandBundles {
    pub(in crate::tropic) bundles: Vec<CommandBundle>,
}

/// Who may reach which port of the VM.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::tropic) struct FirewallRules {
    /// Port to IPv4 and IPv6 CIDR blocks; none: the port is closed.
    pub(in crate::tropic) rules: BTreeMap<String, Vec<String>>,
}

/// Where the request came from.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct CurrentIp {
    pub(in crate::tropic) ip: String,
}

/// A key for Claude.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct ClaudeKey {
    /// `sk-ant-...`
    #[schemars(regex(pattern = "^sk-ant-"))]
    pub(in crate::tropic) api_key: String,
}
