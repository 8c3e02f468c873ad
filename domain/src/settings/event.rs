//! What can happen to a user's settings.

use std::collections::BTreeMap;

use super::{Cidr, CommandBundle};
use crate::{AccountId, PolicyId, RuntimeId, UserId, event::events};

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
        /// The address from which the user started its runtime is let in, to log in there.
        CallerIpCaptured = "CallerIpCaptured", 1 {
            /// The user's account.
            account_id: AccountId,
            /// Whose settings.
            user_id: UserId,
            /// The port: that of SSH.
            port: u16,
            /// The address as a block.
            block: Cidr,
        },
        /// The user's runtime took the bundles.
        Pushed = "SettingsPushed", 1 {
            /// The user's account.
            account_id: AccountId,
            /// Whose settings.
            user_id: UserId,
            /// Which runtime.
            runtime_id: RuntimeId,
            /// Which are on there, in their fixed order.
            bundles: Vec<CommandBundle>,
        },
        /// The user's runtime took the rules.
        FirewallApplied = "FirewallApplied", 1 {
            /// The user's account.
            account_id: AccountId,
            /// Whose settings.
            user_id: UserId,
            /// Which runtime.
            runtime_id: RuntimeId,
            /// Port to CIDR blocks there.
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
