//! What a user's settings can be asked.

use std::{collections::BTreeMap, net::IpAddr};

use super::{Cidr, CommandBundle};
use crate::{AccountId, PolicyId, RuntimeId, UserId};

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
    /// Let the address from which the user started its runtime in, to log in there; the address that was
    /// let in before goes.
    CaptureCallerIp {
        /// The user's account.
        account_id: AccountId,
        /// Whose settings.
        user_id: UserId,
        /// The address.
        ip: IpAddr,
    },
    /// The user's runtime took bundles and rules.
    ReportPushed {
        /// The user's account.
        account_id: AccountId,
        /// Whose settings.
        user_id: UserId,
        /// Which runtime.
        runtime_id: RuntimeId,
        /// The bundles it took.
        bundles: Vec<CommandBundle>,
        /// The rules it took.
        rules: BTreeMap<u16, Vec<Cidr>>,
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
