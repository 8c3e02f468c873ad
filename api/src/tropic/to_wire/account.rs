//! What a user has: settings and credits.

use std::collections::BTreeMap;

use reef_domain::settings::CommandBundle;
use reef_projections::views::{
    ledger::{EntryKind, LedgerDoc, LedgerEntryDoc},
    settings::SettingsDoc,
};

use crate::tropic::wire;

/// Ports that are always shown.
const MANAGED: [u16; 4] = [22, 80, 443, 18_789];

pub(in crate::tropic) fn command_bundles(doc: Option<SettingsDoc>) -> wire::CommandBundles {
    let bundles = doc.map(|doc| doc.bundles).unwrap_or_default();
    let bundles = bundles.into_iter().map(|bundle| match bundle {
        CommandBundle::BrowserSearch => wire::CommandBundle::BrowserSearch,
        CommandBundle::CodeExecution => wire::CommandBundle::CodeExecution,
        CommandBundle::OsCommands => wire::CommandBundle::OsCommands,
    });
    wire::CommandBundles {
        bundles: bundles.collect(),
    }
}

pub(in crate::tropic) fn firewall_rules(doc: Option<SettingsDoc>) -> wire::FirewallRules {
    let mut rules: BTreeMap<String, Vec<String>> = MANAGED
        .iter()
        .map(|port| (port.to_string(), Vec::new()))
        .collect();
    let open = doc.map(|doc| doc.firewall).unwrap_or_default();
    for (port, blocks) in open {
        let blocks = blocks.iter().map(ToString::to_string).collect();
        rules.insert(port.to_string(), blocks);
    }
    wire::FirewallRules { rules }
}

pub(in crate::tropic) fn balance(doc: Option<LedgerDoc>, user_id: String) -> wire::Balance {
    let micro = doc.map_or(0, |doc| doc.balance_micro);
    wire::Balance {
        balance: wire::Credits(i64::try_from(micro).unwrap_or(i64::MAX)),
        user_id,
    }
}

pub(in crate::tropic) fn transaction(doc: LedgerEntryDoc) -> wire::Transaction {
    let id = format!("txn_{}", doc.short_id());
    let (kind, description) = match doc.kind {
        EntryKind::Grant | EntryKind::Purchase => (wire::TransactionType::Purchase, doc.description),
        EntryKind::Runtime => {
            let description = ran_for(doc.elapsed_ms.unwrap_or(0));
            (wire::TransactionType::VmRuntime, description)
        }
    };
    wire::Transaction {
        id,
        amount: wire::Credits(doc.amount_micro),
        kind,
        description,
        created_at: doc.created_at.into(),
    }
}

fn ran_for(elapsed_ms: u64) -> String {
    match elapsed_ms.div_ceil(1000) {
        seconds if seconds % 60 == 0 => format!("VM runtime ({} min)", seconds / 60),
        seconds => format!("VM runtime ({seconds} s)"),
    }
}

#[cfg(test)]
mod tests;
