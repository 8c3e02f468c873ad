//! Settings of a user: which command bundles are on, and who may reach which port of the runtime.
//!
//! **Invariants:** bundles stand in their fixed order, each once; every port is 1 to 65535 and every
//! block is a valid IPv4 or IPv6 CIDR block without host bits; of the addresses that runtimes were
//! started from, the last alone is let in. What a runtime has of them is what it was seen to take.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, PolicyId, Refusal, RefusalKind, RuntimeId, UserId};

mod bundle;
mod cidr;
mod command;
mod event;

pub use bundle::{CommandBundle, rules_of};
pub use cidr::{Cidr, CidrError};
pub use command::SettingsCommand;
pub use event::SettingsEvent;

/// The port that [`SettingsCommand::CaptureCallerIp`] opens: SSH.
pub const SSH_PORT: u16 = 22;

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
    /// The block that stands for the address from which the runtime was started last, while it is one of
    /// the SSH port's for that reason alone.
    #[serde(default)]
    pub captured: Option<Cidr>,
    /// The bundles that the user's runtime took last, and which runtime that was.
    #[serde(default)]
    pub pushed: Option<(RuntimeId, Vec<CommandBundle>)>,
    /// The rules that the user's runtime took last, and which runtime that was.
    #[serde(default)]
    pub applied: Option<(RuntimeId, BTreeMap<u16, Vec<Cidr>>)>,
}

impl Settings {
    /// The address alone as a block at the SSH port, in place of the one captured before; what the user
    /// wrote stays.
    fn capture(&self, account_id: AccountId, user_id: UserId, ip: IpAddr) -> Vec<SettingsEvent> {
        let block = Cidr::host(ip.to_canonical());
        let there = self
            .firewall
            .get(&SSH_PORT)
            .is_some_and(|blocks| blocks.contains(&block));
        if there && self.captured.is_none_or(|captured| captured == block) {
            return vec![];
        }
        vec![SettingsEvent::CallerIpCaptured {
            account_id,
            user_id,
            port: SSH_PORT,
            block,
        }]
    }

    fn took_bundles(&self, runtime: &RuntimeId, bundles: &[CommandBundle]) -> bool {
        self.pushed
            .as_ref()
            .is_some_and(|(id, pushed)| id == runtime && pushed == bundles)
    }

    fn took_rules(&self, runtime: &RuntimeId, rules: &BTreeMap<u16, Vec<Cidr>>) -> bool {
        self.applied
            .as_ref()
            .is_some_and(|(id, applied)| id == runtime && applied == rules)
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

/// Puts the block at the port in place of the one that was captured before, and tells which is there now
/// for no other reason than this.
pub fn let_in(
    firewall: &mut BTreeMap<u16, Vec<Cidr>>,
    port: u16,
    block: Cidr,
    before: Option<Cidr>,
) -> Option<Cidr> {
    let blocks = firewall.entry(port).or_default();
    blocks.retain(|known| Some(*known) != before);
    if blocks.contains(&block) {
        return None;
    }
    blocks.push(block);
    Some(block)
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
                // Who writes the captured address down means it to stay.
                if self.firewall == rules && self.captured.is_none() {
                    return Ok(vec![]);
                }
                Ok(vec![SettingsEvent::FirewallRulesReplaced {
                    account_id,
                    user_id,
                    rules,
                }])
            }
            SettingsCommand::CaptureCallerIp {
                account_id,
                user_id,
                ip,
            } => Ok(self.capture(account_id, user_id, ip)),
            SettingsCommand::ReportPushed {
                account_id,
                user_id,
                runtime_id,
                bundles,
                rules,
            } => {
                let mut events = Vec::new();
                if !self.took_bundles(&runtime_id, &bundles) {
                    events.push(SettingsEvent::Pushed {
                        account_id: account_id.clone(),
                        user_id: user_id.clone(),
                        runtime_id: runtime_id.clone(),
                        bundles,
                    });
                }
                if !self.took_rules(&runtime_id, &rules) {
                    events.push(SettingsEvent::FirewallApplied {
                        account_id,
                        user_id,
                        runtime_id,
                        rules,
                    });
                }
                Ok(events)
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
                self.captured = None;
            }
            SettingsEvent::CallerIpCaptured {
                account_id,
                port,
                block,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.captured = let_in(&mut self.firewall, *port, *block, self.captured);
            }
            SettingsEvent::Pushed {
                account_id,
                runtime_id,
                bundles,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.pushed = Some((runtime_id.clone(), bundles.clone()));
            }
            SettingsEvent::FirewallApplied {
                account_id,
                runtime_id,
                rules,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.applied = Some((runtime_id.clone(), rules.clone()));
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
