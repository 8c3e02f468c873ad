//! Signing in with a session token of an issuer outside.
//!
//! Who comes for the first time gets an account: one append registers it, its owner and the way to sign in,
//! and a reservation keyed by issuer and subject makes two first requests at once end in one account. From
//! then on signing in reads two documents and appends nothing.
//!
//! An e-mail alone opens no existing account: whoever controls an address at an issuer need not be who
//! registered it here. An operator links such a person with [`LinkIdentity`].

use reef_domain::{
    AccountId, Actor, ActorKind, Dialect, IdentityId, RefusalKind, UserId,
    account::{Account, AccountCommand, AccountStatus, is_email},
    reservation::{Reservation, ReservationCommand},
};
use reef_projections::views::{account::Accounts, identity::Identities};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Audience, Bus, Caller, CommandError, CommandSpec, Outcome, Request, Unit, UseCase,
    account::{Opening, email_is_taken},
    digest_key,
    ports::ExternalIdentity,
};

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::of::<LinkIdentity>()];

/// The id of an identity: the same issuer and subject always have the same.
pub fn identity_id(issuer: &str, subject: &str) -> IdentityId {
    // Neither can hold a line feed, so no two pairs make the same text.
    IdentityId::from(digest_key(&format!("{issuer}\n{subject}")))
}

fn reservation(identity: &IdentityId) -> String {
    format!("identity/{identity}")
}

/// Who somebody is here whom an issuer vouches for; at the first sign-in their account is opened.
///
/// The codes `account_suspended` and `account_closed` refuse those of such accounts, and `user_id_taken`
/// those whose subject is another account's user.
pub async fn resolve(bus: &Bus, identity: &ExternalIdentity) -> Result<Caller, CommandError> {
    let id = identity_id(&identity.issuer, &identity.subject);
    if let Some(caller) = known(bus, &id).await? {
        return Ok(caller);
    }
    let request = Request::new(Caller::system("sign-in"), format!("sign-in-{id}"));
    let opened = bus.transact(&request, |unit| {
        let (id, identity) = (id.clone(), identity.clone());
        Box::pin(async move { first_sign_in(unit, id, identity).await })
    });
    opened.await?;
    known(bus, &id)
        .await?
        .ok_or_else(|| CommandError::Corrupt(format!("identity {id} was linked and is not in the view")))
}

async fn known(bus: &Bus, id: &IdentityId) -> Result<Option<Caller>, CommandError> {
    let views = &bus.services().views;
    let Some(identity) = views.doc::<Identities>(id.as_str()).await? else {
        return Ok(None);
    };
    let account = views.doc::<Accounts>(identity.account_id.as_str()).await?;
    let Some(account) = account else {
        return Err(CommandError::Corrupt(format!("identity {id} is of no account")));
    };
    let refused = |code, message| Err(CommandError::refused(code, RefusalKind::Forbidden, message));
    match account.status {
        AccountStatus::Registered => {}
        AccountStatus::Suspended => return refused("account_suspended", "the account is suspended"),
        AccountStatus::Closed => return refused("account_closed", "the account is closed"),
    }
    Ok(Some(Caller {
        actor: Actor::new(ActorKind::User, identity.user_id.as_str()),
        account_id: Some(identity.account_id),
        user_id: Some(identity.user_id),
        dialect: account.dialect,
        scopes: vec!["*".to_owned()],
    }))
}

/// Opens the account, unless another request did meanwhile.
async fn first_sign_in(
    unit: &mut Unit<'_>,
    id: IdentityId,
    identity: ExternalIdentity,
) -> Result<Outcome, CommandError> {
    if let Some(holder) = holder(unit, &id).await? {
        return Ok(Outcome::of::<Account>(&holder));
    }
    let account_id: AccountId = unit.new_id("acc_");
    claim(unit, &id, &account_id).await?;
    let opening = Opening {
        account_id: account_id.clone(),
        dialect: identity.dialect,
        name: display_name(&identity),
        owner_email: free_email(unit, &identity).await?,
        plan: None,
        user_id: own_user_id(&identity),
    };
    let user_id = opening.open(unit).await?;
    let link = AccountCommand::LinkIdentity {
        user_id,
        identity_id: id,
        issuer: identity.issuer,
        subject: identity.subject,
    };
    unit.decide::<Account>(&account_id, link).await?;
    Ok(Outcome::of::<Account>(&account_id))
}

/// The account whose user signs in with that identity.
async fn holder(unit: &mut Unit<'_>, id: &IdentityId) -> Result<Option<AccountId>, CommandError> {
    let held = unit.load::<Reservation>(reservation(id)).await?;
    Ok(held
        .holders
        .first()
        .map(|holder| AccountId::from(holder.as_str())))
}

async fn claim(unit: &mut Unit<'_>, id: &IdentityId, account: &AccountId) -> Result<(), CommandError> {
    let claim = ReservationCommand::Claim {
        holder: account.to_string(),
        limit: 1,
    };
    unit.decide::<Reservation>(reservation(id), claim).await?;
    Ok(())
}

/// The subject, where the dialect's clients know users by what their issuer calls them.
fn own_user_id(identity: &ExternalIdentity) -> Option<UserId> {
    let tail = identity.subject.strip_prefix("user_")?;
    let plain = (1..=64).contains(&tail.len()) && tail.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (identity.dialect == Dialect::Tropic && plain).then(|| UserId::from(identity.subject.as_str()))
}

/// The e-mail, unless it is no address or that of another account's owner.
async fn free_email(
    unit: &mut Unit<'_>,
    identity: &ExternalIdentity,
) -> Result<Option<String>, CommandError> {
    match &identity.email {
        Some(email) if is_email(email) && !email_is_taken(unit, identity.dialect, email).await? => {
            Ok(Some(email.clone()))
        }
        _ => Ok(None),
    }
}

/// The name of the account: that of the person, else the address, else the subject.
fn display_name(identity: &ExternalIdentity) -> String {
    let told = [identity.name.as_deref(), identity.email.as_deref()];
    told.into_iter()
        .flatten()
        .map(printable)
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| printable(&identity.subject))
}

/// As much of a text as the name of an account can be.
fn printable(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    let cut: String = plain.trim().chars().take(100).collect();
    cut.trim_end().to_owned()
}

/// Lets a user of an account sign in with the session tokens of a configured issuer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkIdentity {
    /// The account.
    pub account_id: AccountId,
    /// The user.
    pub user_id: UserId,
    /// The issuer, exactly as its tokens name it (`iss`).
    pub issuer: String,
    /// Who it is to the issuer (`sub`).
    pub subject: String,
}

impl UseCase for LinkIdentity {
    const NAME: &'static str = "LinkIdentity";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "accounts:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Account>(&self.account_id).await?;
        let identity_id = identity_id(&self.issuer, &self.subject);
        let link = AccountCommand::LinkIdentity {
            user_id: self.user_id.clone(),
            identity_id: identity_id.clone(),
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
        };
        unit.decide::<Account>(&self.account_id, link).await?;
        match holder(unit, &identity_id).await? {
            Some(other) if other != self.account_id => {
                return Err(CommandError::refused(
                    "identity_taken",
                    RefusalKind::Conflict,
                    "a user of another account signs in with that identity",
                ));
            }
            Some(_) | None => claim(unit, &identity_id, &self.account_id).await?,
        }
        Ok(Outcome::of::<Account>(&self.account_id).showing(json!({ "identity_id": identity_id })))
    }
}

#[cfg(test)]
mod tests;
