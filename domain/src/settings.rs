//! Settings of a user: which command bundles are on, and who may reach which port of the runtime.
//!
//! **Invariants:** bundles stand in their fixed order, each once; every port is 1 to 65535 and every
//! block is a valid IPv4 or IPv6 CIDR block without host bits.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, PolicyId, Refusal, RefusalKind, UserId, event::events};

mod cidr;

pub use cidr::{Cidr, CidrError};

/// Settings of a user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The user's account, once something is set.
    pub account_id: Option<AccountId>,
    /// Command bundles that are on, in their fixed order.
    pub bundles: Vec<CommandBundle>,
    /// CIDR blocks that may reach each port.
    pub firewall: BTreeMap<u16, Vec<Cidr>>,
    /// Whether the command bundles were ever saved.
    pub saved: bool,
    /// The policies made of these settings (key: empty) or, as none were saved, of a template's default
    /// (key: template id). Forgotten when the bundles change.
    pub migrated: BTreeMap<String, PolicyId>,
}

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

/// What a user's settings can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingsCommand {
    /// Switch exactly these bundles on.
    SetCommandBundles {
        /// The user's account.
        account_id: AccountId,
        /// Whose settings.
        user_id: UserId,
        /// Which; order and repetition do not matter.
        bundles: Vec<CommandBundle>,
    },
    /// Replace the rules of all ports.
    ReplaceFirewallRules {
        /// The user's account.
        account_id: AccountId,
        /// Whose settings.
        user_id: UserId,
        /// Port to CIDR blocks, as written by the client.
        rules: BTreeMap<String, Vec<String>>,
    },
    /// Remember the policy made of the settings, so that it is used again while they stay.
    RecordMigration {
        /// The user's account.
        account_id: AccountId,
        /// Whose settings.
        user_id: UserId,
        /// What the rules were taken from: empty for the settings, else the template's id.
        source: String,
        /// The policy.
        policy_id: PolicyId,
    },
}

events! {
    /// What can happen to a user's settings.
    pub enum SettingsEvent {
        /// Other bundles are on.
        CommandBundlesSet = "CommandBundlesSet", 1 {
            /// The user's account.
            account_id: AccountId,
            /// Whose settings.
            user_id: UserId,
            /// Which are on, in their fixed order.
            bundles: Vec<CommandBundle>,
        },
        /// Other blocks may reach the ports.
        FirewallRulesReplaced = "FirewallRulesReplaced", 1 {
            /// The user's account.
            account_id: AccountId,
            /// Whose settings.
            user_id: UserId,
            /// Port to CIDR blocks.
            rules: BTreeMap<u16, Vec<Cidr>>,
        },
        /// A policy was made of them.
        MigratedToPolicy = "SettingsMigratedToPolicy", 1 {
            /// The user's account.
            account_id: AccountId,
            /// Whose settings.
            user_id: UserId,
            /// What the rules were taken from: empty for the settings, else the template's id.
            source: String,
            /// The policy.
            policy_id: PolicyId,
        },
    }
}

/// Why settings say no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsRefusal {
    /// Not a port.
    #[error("a port is a number from 1 to 65535")]
    PortInvalid,
    /// Not a CIDR block.
    #[error("port {port}: {reason}")]
    CidrInvalid {
        /// Of which port.
        port: u16,
        /// What is wrong with it.
        reason: CidrError,
    },
    /// Too many ports or blocks.
    #[error("at most 100 ports with at most 100 blocks each")]
    TooManyRules,
}

impl Refusal for SettingsRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::PortInvalid => "port_invalid",
            Self::CidrInvalid { .. } => "cidr_invalid",
            Self::TooManyRules => "too_many_rules",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::PortInvalid | Self::CidrInvalid { .. } | Self::TooManyRules => RefusalKind::Invalid,
        }
    }
}

/// Most ports, and most blocks of one port.
const MAX_RULES: usize = 100;

fn checked_firewall(
    rules: BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<u16, Vec<Cidr>>, SettingsRefusal> {
    if rules.len() > MAX_RULES || rules.values().any(|blocks| blocks.len() > MAX_RULES) {
        return Err(SettingsRefusal::TooManyRules);
    }
    let mut checked = BTreeMap::new();
    for (port, blocks) in rules {
        let plain = !port.starts_with(['0', '+']);
        let port = port
            .parse()
            .ok()
            .filter(|_| plain)
            .ok_or(SettingsRefusal::PortInvalid)?;
        let mut parsed: Vec<Cidr> = Vec::new();
        for block in blocks {
            let block = block
                .parse()
                .map_err(|reason| SettingsRefusal::CidrInvalid { port, reason })?;
            if !parsed.contains(&block) {
                parsed.push(block);
            }
        }
        checked.insert(port, parsed);
    }
    Ok(checked)
}

impl Decider for Settings {
    const TYPE: &'static str = "settings";
    type Command = SettingsCommand;
    type Event = SettingsEvent;
    type Refusal = SettingsRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            SettingsCommand::SetCommandBundles {
                account_id,
                user_id,
                bundles,
            } => {
                let bundles: Vec<_> = bundles.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
                if self.saved && self.bundles == bundles {
                    return Ok(vec![]);
                }
                Ok(vec![SettingsEvent::CommandBundlesSet {
                    account_id,
                    user_id,
                    bundles,
                }])
            }
            SettingsCommand::ReplaceFirewallRules {
                account_id,
                user_id,
                rules,
            } => {
                let rules = checked_firewall(rules)?;
                if self.firewall == rules {
                    return Ok(vec![]);
                }
                Ok(vec![SettingsEvent::FirewallRulesReplaced {
                    account_id,
                    user_id,
                    rules,
                }])
            }
            SettingsCommand::RecordMigration {
                account_id,
                user_id,
                source,
                policy_id,
            } => {
                if self.migrated.get(&source) == Some(&policy_id) {
                    return Ok(vec![]);
                }
                Ok(vec![SettingsEvent::MigratedToPolicy {
                    account_id,
                    user_id,
                    source,
                    policy_id,
                }])
            }
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            SettingsEvent::CommandBundlesSet {
                account_id, bundles, ..
            } => {
                self.account_id = Some(account_id.clone());
                self.bundles.clone_from(bundles);
                self.saved = true;
                self.migrated.clear();
            }
            SettingsEvent::FirewallRulesReplaced {
                account_id, rules, ..
            } => {
                self.account_id = Some(account_id.clone());
                self.firewall.clone_from(rules);
            }
            SettingsEvent::MigratedToPolicy {
                account_id,
                source,
                policy_id,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.migrated.insert(source.clone(), policy_id.clone());
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Settings(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
