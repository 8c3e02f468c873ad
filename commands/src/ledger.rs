//! Credits of accounts: granted, and bought. Charges are the metering manager's.

mod checkout;

use reef_domain::{
    AccountId,
    account::{Account, AccountRefusal, AccountStatus},
    ledger::{Ledger, LedgerCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase};

pub use checkout::{Applied, CompleteCheckout, StartCreditCheckout, apply_payment_event};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<CompleteCheckout>(),
    CommandSpec::of::<GrantCredits>(),
    CommandSpec::of::<StartCreditCheckout>(),
];

/// Gives an account credits. A grant id is applied once, whatever else the request carries.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantCredits {
    /// The account.
    pub account_id: AccountId,
    /// How much, in micro-credits: 1,000,000 make one credit.
    pub amount_micro: u64,
    /// What makes the grant recognisable, 1 to 128 characters; made when absent.
    #[serde(default)]
    pub grant_id: Option<String>,
    /// What for, up to 500 bytes.
    #[serde(default)]
    pub description: String,
}

impl UseCase for GrantCredits {
    const NAME: &'static str = "GrantCredits";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "credits:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account = unit.owned::<Account>(&self.account_id).await?;
        if account.status == AccountStatus::Closed {
            return Err(AccountRefusal::AccountClosed.into());
        }
        let grant = LedgerCommand::GrantCredits {
            account_id: self.account_id.clone(),
            entry_id: unit.new_id("txn_"),
            grant_id: self.grant_id.clone().unwrap_or_else(|| unit.new_id("grant_")),
            amount_micro: self.amount_micro,
            description: self.description.clone(),
        };
        unit.decide::<Ledger>(&self.account_id, grant).await?;
        Ok(Outcome::of::<Ledger>(&self.account_id))
    }
}

#[cfg(test)]
mod tests;
