//! Invite codes, and registering an account with one.

use reef_domain::{
    AccountId, Dialect, InviteCodeId, UserId,
    account::Account,
    invite_code::{InviteCode, InviteCodeCommand},
    ledger::{Ledger, LedgerCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Audience, Bus, Caller, CommandError, CommandSpec, Outcome, Request, Unit, UseCase, account::Opening,
    digest_key,
};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<IssueInviteCode>(),
    CommandSpec::of::<RevokeInviteCode>(),
];

/// The grant with which an account starts.
const FIRST_GRANT: &str = "starting-balance";

/// Issues a code with which people register accounts of a dialect by themselves. The code is in the answer and
/// never shown again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueInviteCode {
    /// The wire API of the accounts; `thermidora` when absent.
    #[serde(default = "thermidora")]
    pub dialect: Dialect,
    /// How many accounts may be registered with it, up to 100000; one when absent.
    #[serde(default = "once")]
    pub uses: u32,
}

impl Default for IssueInviteCode {
    fn default() -> Self {
        Self {
            dialect: thermidora(),
            uses: once(),
        }
    }
}

fn thermidora() -> Dialect {
    Dialect::Thermidora
}

fn once() -> u32 {
    1
}

impl UseCase for IssueInviteCode {
    const NAME: &'static str = "IssueInviteCode";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let code = format!("invite_{}", unit.services().entropy.base62(24));
        let id = InviteCodeId::from(digest_key(&code));
        let issue = InviteCodeCommand::Issue {
            invite_code_id: id.clone(),
            dialect: self.dialect,
            uses: self.uses,
        };
        unit.decide::<InviteCode>(&id, issue).await?;
        Ok(Outcome::of::<InviteCode>(&id).showing(json!({ "code": code, "uses": self.uses })))
    }
}

/// Takes an invite code back: it opens no more accounts. Those that it opened stay.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInviteCode {
    /// Id of the code: its SHA-256, 64 lower-case hexadecimal digits, as `IssueInviteCode` answers it.
    pub invite_code_id: InviteCodeId,
}

impl UseCase for RevokeInviteCode {
    const NAME: &'static str = "RevokeInviteCode";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<InviteCode>(&self.invite_code_id).await?;
        unit.decide::<InviteCode>(&self.invite_code_id, InviteCodeCommand::Revoke)
            .await?;
        Ok(Outcome::of::<InviteCode>(&self.invite_code_id))
    }
}

/// Somebody who registers an account by themselves.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The wire API of the account.
    pub dialect: Dialect,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// E-mail of its owner.
    pub email: String,
    /// The invite code.
    pub invite_code: String,
    /// What the ledger starts with, in micro-credits.
    pub balance_micro: u64,
}

/// An account that was just registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The account.
    pub account_id: AccountId,
    /// Its owner.
    pub user_id: UserId,
}

/// Opens the account and uses the code up, in one append. A code that does not work is told before an e-mail that
/// is taken: without a code nobody finds out who has an account.
pub async fn register(
    bus: &Bus,
    registration: &Registration,
    correlation_id: &str,
) -> Result<Registered, CommandError> {
    let request = Request::new(Caller::system("registration"), correlation_id);
    let done = bus.transact(&request, |unit| {
        let registration = registration.clone();
        Box::pin(async move { open(unit, registration).await })
    });
    let account_id = AccountId::from(done.await?.aggregate.id);
    let account = bus.state::<Account>(&account_id).await?;
    let owner = account.and_then(|account| account.owner().cloned());
    let user_id = owner.ok_or_else(|| CommandError::Corrupt(format!("account {account_id} has no owner")))?;
    Ok(Registered { account_id, user_id })
}

async fn open(unit: &mut Unit<'_>, registration: Registration) -> Result<Outcome, CommandError> {
    let account_id: AccountId = unit.new_id("acc_");
    let redeem = InviteCodeCommand::Redeem {
        dialect: registration.dialect,
        account_id: account_id.clone(),
    };
    let code = digest_key(registration.invite_code.trim());
    unit.decide::<InviteCode>(code, redeem).await?;
    let opening = Opening {
        account_id: account_id.clone(),
        dialect: registration.dialect,
        name: registration.name,
        owner_email: Some(registration.email),
        plan: None,
        user_id: None,
    };
    opening.open(unit).await?;
    if registration.balance_micro > 0 {
        let grant = LedgerCommand::GrantCredits {
            account_id: account_id.clone(),
            entry_id: unit.new_id("txn_"),
            grant_id: FIRST_GRANT.to_owned(),
            amount_micro: registration.balance_micro,
            description: "Starting balance".to_owned(),
        };
        unit.decide::<Ledger>(&account_id, grant).await?;
    }
    Ok(Outcome::of::<Account>(&account_id))
}

#[cfg(test)]
mod tests;
