//! Settings of users: command bundles and firewall rules.

use std::collections::BTreeMap;

use reef_domain::{
    AccountId, UserId,
    account::Account,
    settings::{CommandBundle, Settings, SettingsCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase, account::acting_user};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<SetCommandBundles>(),
    CommandSpec::of::<ReplaceFirewallRules>(),
];

/// Whose settings, and in which account.
async fn whose(
    unit: &mut Unit<'_>,
    account_id: Option<&AccountId>,
    user_id: Option<&UserId>,
) -> Result<(AccountId, UserId), CommandError> {
    let account_id = unit.account(account_id)?;
    let account = unit.owned::<Account>(&account_id).await?;
    let user_id = acting_user(unit, &account, user_id)?;
    Ok((account_id, user_id))
}

/// Switches exactly these command bundles on; they limit agents that have no policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCommandBundles {
    /// Which; order and repetition do not matter.
    pub bundles: Vec<CommandBundle>,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Whose settings; the caller's when absent, or else the account's owner's.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

impl UseCase for SetCommandBundles {
    const NAME: &'static str = "SetCommandBundles";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "settings:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let (account_id, user_id) = whose(unit, self.account_id.as_ref(), self.user_id.as_ref()).await?;
        let set = SettingsCommand::SetCommandBundles {
            account_id,
            user_id: user_id.clone(),
            bundles: self.bundles.clone(),
        };
        unit.decide::<Settings>(&user_id, set).await?;
        Ok(Outcome::of::<Settings>(&user_id))
    }
}

/// Replaces the firewall rules of all ports at once; a port left out is closed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceFirewallRules {
    /// Port, 1 to 65535, to the IPv4 or IPv6 CIDR blocks that may reach it.
    pub rules: BTreeMap<String, Vec<String>>,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Whose settings; the caller's when absent, or else the account's owner's.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

impl UseCase for ReplaceFirewallRules {
    const NAME: &'static str = "ReplaceFirewallRules";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "settings:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let (account_id, user_id) = whose(unit, self.account_id.as_ref(), self.user_id.as_ref()).await?;
        let replace = SettingsCommand::ReplaceFirewallRules {
            account_id,
            user_id: user_id.clone(),
            rules: self.rules.clone(),
        };
        unit.decide::<Settings>(&user_id, replace).await?;
        Ok(Outcome::of::<Settings>(&user_id))
    }
}

#[cfg(test)]
mod tests;
