//! Opening an account: its owner, its ledger, and what stays unique over all accounts.

use reef_domain::{
    AccountId, Dialect, RefusalKind, UserId,
    account::{Account, AccountCommand, Plan},
    ledger::{Ledger, LedgerCommand, LedgerUnit},
    reservation::{Reservation, ReservationCommand},
};

use crate::{CommandError, Unit, digest_key};

/// The stream that keeps an e-mail unique within its dialect. It holds no address in clear.
pub(crate) fn email_reservation(dialect: Dialect, email: &str) -> String {
    format!(
        "email/{}/{}",
        dialect.name(),
        digest_key(&email.trim().to_lowercase())
    )
}

/// A fresh id of a user, as the dialect's clients know them.
pub(super) fn new_user_id(unit: &Unit<'_>, dialect: Dialect) -> UserId {
    unit.new_id(match dialect {
        Dialect::Tropic => "user_",
        Dialect::Native
        | Dialect::Agentbot
        | Dialect::Thermidora
        | Dialect::Expressclaw
        | Dialect::Agento => "usr_",
    })
}

/// The stream that keeps a user id that somebody chose unique over all accounts.
fn user_reservation(user: &UserId) -> String {
    format!("user/{user}")
}

/// Whether an account of that dialect has the owner's e-mail.
pub(crate) async fn email_is_taken(
    unit: &mut Unit<'_>,
    dialect: Dialect,
    email: &str,
) -> Result<bool, CommandError> {
    let reservation = email_reservation(dialect, email);
    Ok(!unit.load::<Reservation>(reservation).await?.holders.is_empty())
}

/// Takes a user id that was not made here for an account: whoever chose it may have chosen it before.
pub(super) async fn claim_user_id(
    unit: &mut Unit<'_>,
    account: &AccountId,
    user: &UserId,
) -> Result<(), CommandError> {
    let reservation = user_reservation(user);
    let held = unit.load::<Reservation>(&reservation).await?;
    if held.holders.iter().any(|holder| holder != account.as_str()) {
        return Err(CommandError::refused(
            "user_id_taken",
            RefusalKind::Conflict,
            format!("the user id {user} is in use in another account"),
        ));
    }
    let claim = ReservationCommand::Claim {
        holder: account.to_string(),
        limit: 1,
    };
    unit.decide::<Reservation>(&reservation, claim).await?;
    Ok(())
}

/// A new account with its owner and its ledger.
pub(crate) struct Opening {
    pub(crate) account_id: AccountId,
    pub(crate) dialect: Dialect,
    pub(crate) name: String,
    pub(crate) owner_email: Option<String>,
    /// Its plan; what the server opens accounts of the dialect on when absent.
    pub(crate) plan: Option<Plan>,
    /// Id of the owner; made when absent.
    pub(crate) user_id: Option<UserId>,
}

impl Opening {
    /// Opens it, and says who owns it.
    pub(crate) async fn open(self, unit: &mut Unit<'_>) -> Result<UserId, CommandError> {
        let account_id = self.account_id;
        let user_id = match &self.user_id {
            Some(chosen) => chosen.clone(),
            None => new_user_id(unit, self.dialect),
        };
        let plan = self
            .plan
            .unwrap_or_else(|| unit.services().plans.of(self.dialect));
        let register = AccountCommand::Register {
            account_id: account_id.clone(),
            dialect: self.dialect,
            name: self.name,
            owner_user_id: user_id.clone(),
            owner_email: self.owner_email.clone(),
            plan,
        };
        unit.decide::<Account>(&account_id, register).await?;
        let open = LedgerCommand::Open {
            account_id: account_id.clone(),
            unit: LedgerUnit::of(self.dialect),
        };
        unit.decide::<Ledger>(&account_id, open).await?;
        if let Some(chosen) = &self.user_id {
            claim_user_id(unit, &account_id, chosen).await?;
        }
        if let Some(email) = &self.owner_email {
            if email_is_taken(unit, self.dialect, email).await? {
                return Err(CommandError::refused(
                    "email_taken",
                    RefusalKind::Conflict,
                    "an account with that e-mail exists",
                ));
            }
            let claim = ReservationCommand::Claim {
                holder: account_id.to_string(),
                limit: 1,
            };
            unit.decide::<Reservation>(email_reservation(self.dialect, email), claim)
                .await?;
        }
        Ok(user_id)
    }
}
