//! Accounts, their users and plans.

mod opening;
mod plans;

use reef_domain::{
    AccountId, Dialect, RefusalKind, UserId,
    account::{Account, AccountCommand, AccountStatus, Plan, Role},
    reservation::{Reservation, ReservationCommand},
};
use reef_projections::{Projection, Query, views::agent::Agents};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase};

pub(crate) use opening::{Opening, email_is_taken, email_reservation};
use opening::{claim_user_id, new_user_id};
pub use plans::{Plans, PriceTooHigh};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<RegisterAccount>(),
    CommandSpec::of::<AddUser>(),
    CommandSpec::of::<GrantRole>(),
    CommandSpec::of::<AssignPlan>(),
    CommandSpec::of::<SuspendAccount>(),
    CommandSpec::of::<ReinstateAccount>(),
    CommandSpec::of::<CloseAccount>(),
];

/// The user an account's command is for: the one named, else the caller, else the account's first owner.
/// Acting for somebody else takes an owner or admin.
pub(crate) fn acting_user(
    unit: &Unit<'_>,
    account: &Account,
    named: Option<&UserId>,
) -> Result<UserId, CommandError> {
    let user = unit.user(named).or_else(|| account.owner().cloned());
    let user = user.ok_or_else(|| {
        CommandError::refused(
            "account_without_owner",
            RefusalKind::Conflict,
            "the account has no owner",
        )
    })?;
    if !account.users.contains_key(&user) {
        return Err(CommandError::Unknown {
            kind: "user",
            id: user.to_string(),
        });
    }
    require_authority(unit, account, &user)?;
    Ok(user)
}

/// Whether the caller may act for that user of the account: its own, or any for an owner or admin.
pub(crate) fn require_authority(
    unit: &Unit<'_>,
    account: &Account,
    user: &UserId,
) -> Result<(), CommandError> {
    let Some(own) = unit.caller().user_id.as_ref().filter(|own| *own != user) else {
        return Ok(());
    };
    match account.users.get(own) {
        Some(Role::Owner | Role::Admin) => Ok(()),
        Some(Role::Member | Role::Tester | Role::Customer) | None => Err(CommandError::refused(
            "not_your_user",
            RefusalKind::Forbidden,
            "only owners and admins act for other users",
        )),
    }
}

/// Refuses an account whose credentials are refused as well.
pub(crate) fn require_registered(account: &Account) -> Result<(), CommandError> {
    match account.status {
        AccountStatus::Registered => Ok(()),
        AccountStatus::Suspended => Err(CommandError::refused(
            "account_suspended",
            RefusalKind::Conflict,
            "the account is suspended",
        )),
        AccountStatus::Closed => Err(CommandError::refused(
            "account_closed",
            RefusalKind::Conflict,
            "the account is closed",
        )),
    }
}

/// Opens an account with its owner and its ledger. The owner's e-mail is unique within the dialect.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterAccount {
    /// Display name, 1 to 100 characters.
    pub name: String,
    /// E-mail of the owner.
    pub owner_email: String,
    /// The wire API its clients speak; `native` when absent.
    #[serde(default)]
    pub dialect: Dialect,
    /// Its plan; the one that the server opens accounts of the dialect on when absent.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// Id of the account; made when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Id of the owner; made when absent.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

impl UseCase for RegisterAccount {
    const NAME: &'static str = "RegisterAccount";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = self.account_id.clone().unwrap_or_else(|| unit.new_id("acc_"));
        let opening = Opening {
            account_id: account_id.clone(),
            dialect: self.dialect,
            name: self.name.clone(),
            owner_email: Some(self.owner_email.clone()),
            plan: self.plan.clone(),
            user_id: self.user_id.clone(),
        };
        let user_id = opening.open(unit).await?;
        Ok(Outcome::of::<Account>(&account_id)
            .showing(json!({ "account_id": account_id, "user_id": user_id })))
    }
}

/// Lets another person act in an account.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddUser {
    /// The account.
    pub account_id: AccountId,
    /// Id of the user; made when absent.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// E-mail of the user.
    #[serde(default)]
    pub email: Option<String>,
    /// Display name, 1 to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// What the user may do; `member` when absent.
    #[serde(default)]
    pub role: Role,
}

impl UseCase for AddUser {
    const NAME: &'static str = "AddUser";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account = unit.edit::<Account>(&self.account_id).await?;
        let user_id = match &self.user_id {
            Some(chosen) => chosen.clone(),
            None => new_user_id(unit, account.dialect),
        };
        let add = AccountCommand::AddUser {
            user_id: user_id.clone(),
            email: self.email.clone(),
            name: self.name.clone(),
            role: self.role,
        };
        unit.decide::<Account>(&self.account_id, add).await?;
        if let Some(chosen) = &self.user_id {
            claim_user_id(unit, &self.account_id, chosen).await?;
        }
        Ok(Outcome::of::<Account>(&self.account_id).showing(json!({ "user_id": user_id })))
    }
}

/// Changes what a user may do. An account keeps at least one owner.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRole {
    /// The account.
    pub account_id: AccountId,
    /// The user.
    pub user_id: UserId,
    /// The role from now on.
    pub role: Role,
}

impl UseCase for GrantRole {
    const NAME: &'static str = "GrantRole";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Account>(&self.account_id).await?;
        let grant = AccountCommand::GrantRole {
            user_id: self.user_id.clone(),
            role: self.role,
        };
        unit.decide::<Account>(&self.account_id, grant).await?;
        Ok(Outcome::of::<Account>(&self.account_id))
    }
}

/// Puts an account on another plan; charges follow it from the next interval on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignPlan {
    /// The account.
    pub account_id: AccountId,
    /// The plan from now on.
    pub plan: Plan,
}

impl UseCase for AssignPlan {
    const NAME: &'static str = "AssignPlan";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Account>(&self.account_id).await?;
        let assign = AccountCommand::AssignPlan {
            plan: self.plan.clone(),
        };
        unit.decide::<Account>(&self.account_id, assign).await?;
        Ok(Outcome::of::<Account>(&self.account_id))
    }
}

/// Refuses an account's credentials until it is reinstated. What runs goes on running.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendAccount {
    /// The account.
    pub account_id: AccountId,
    /// Why, for people; up to 500 bytes.
    #[serde(default)]
    pub reason: String,
}

impl UseCase for SuspendAccount {
    const NAME: &'static str = "SuspendAccount";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Account>(&self.account_id).await?;
        let suspend = AccountCommand::Suspend {
            reason: self.reason.clone(),
        };
        unit.decide::<Account>(&self.account_id, suspend).await?;
        Ok(Outcome::of::<Account>(&self.account_id))
    }
}

/// Takes a suspension back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinstateAccount {
    /// The account.
    pub account_id: AccountId,
}

impl UseCase for ReinstateAccount {
    const NAME: &'static str = "ReinstateAccount";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Account>(&self.account_id).await?;
        unit.decide::<Account>(&self.account_id, AccountCommand::Reinstate)
            .await?;
        Ok(Outcome::of::<Account>(&self.account_id))
    }
}

/// Ends an account for good; its owner's e-mail becomes free. Its agents must be deleted before.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseAccount {
    /// The account.
    pub account_id: AccountId,
}

impl UseCase for CloseAccount {
    const NAME: &'static str = "CloseAccount";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account = unit.edit::<Account>(&self.account_id).await?;
        let agents = Query {
            account_id: Some(self.account_id.clone()),
            ..Query::default()
        };
        if unit.services().views.count(Agents::NAME, &agents).await? > 0 {
            return Err(CommandError::refused(
                "account_has_agents",
                RefusalKind::Conflict,
                "the account still has agents; delete them first",
            ));
        }
        if unit
            .decide::<Account>(&self.account_id, AccountCommand::Close)
            .await?
            > 0
        {
            let release = ReservationCommand::Release {
                holder: self.account_id.to_string(),
            };
            if let Some(email) = &account.owner_email {
                let email = email_reservation(account.dialect, email);
                unit.decide::<Reservation>(email, release).await?;
            }
        }
        Ok(Outcome::of::<Account>(&self.account_id))
    }
}

#[cfg(test)]
mod tests;
