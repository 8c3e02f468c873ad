//! Command bundles, and what they are about in the words of policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A group of commands that agents without a policy may use when it is on. The order is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommandBundle {
    /// Searching and reading the web.
    BrowserSearch,
    /// Running programs the agent wrote.
    CodeExecution,
    /// Commands of the operating system.
    OsCommands,
}

impl CommandBundle {
    /// Every bundle, in the fixed order.
    pub const ALL: [Self; 3] = [Self::BrowserSearch, Self::CodeExecution, Self::OsCommands];

    /// The name as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::BrowserSearch => "browser-search",
            Self::CodeExecution => "code-execution",
            Self::OsCommands => "os-commands",
        }
    }

    /// The bundle of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bundle| bundle.name() == name)
    }

    /// What the bundle is about, in the words of policy rules.
    fn topics(self) -> &'static [&'static str] {
        match self {
            Self::BrowserSearch => &[
                "search the web",
                "browse the web",
                "browse websites",
                "web search",
            ],
            Self::CodeExecution => &["execute code", "run code", "run scripts", "execute scripts"],
            Self::OsCommands => &[
                "shell commands",
                "os commands",
                "system commands",
                "terminal",
                "sudo",
            ],
        }
    }
}

/// Policy rules that say the same as these bundles: ALLOW what is on, DENY what is off.
pub fn rules_of(bundles: &[CommandBundle]) -> String {
    let mut lines = Vec::new();
    for bundle in CommandBundle::ALL {
        let verb = if bundles.contains(&bundle) {
            "ALLOW"
        } else {
            "DENY"
        };
        lines.extend(bundle.topics().iter().map(|topic| format!("{verb}: {topic}")));
    }
    lines.join("\n")
}
