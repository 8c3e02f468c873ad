//! Account: who owns everything and is billed, with its users and its plan.
//!
//! **Invariants:** there is always at least one owner; a closed account never changes again; a way to sign
//! in leads to one user. The uniqueness of the owner's e-mail, and of ways to sign in over all accounts, is
//! kept by reservation streams.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Dialect, IdentityId, UserId, text};

mod command;
mod event;
mod plan;
mod refusal;

pub use command::AccountCommand;
pub use event::AccountEvent;
pub use plan::Plan;
pub use refusal::AccountRefusal;

/// An account, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Its id, once it is registered.
    pub account_id: Option<AccountId>,
    /// The wire API its own clients speak.
    pub dialect: Dialect,
    /// Display name.
    pub name: String,
    /// E-mail of who registered it, where one is known.
    pub owner_email: Option<String>,
    /// Where it is in its life.
    pub status: AccountStatus,
    /// What it may do and what that costs.
    pub plan: Plan,
    /// Who acts in it, with what role.
    pub users: BTreeMap<UserId, Role>,
    /// How its users sign in, besides with keys.
    #[serde(default)]
    pub identities: BTreeMap<IdentityId, UserId>,
}

/// Where an account is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// In use.
    #[default]
    Registered,
    /// Its credentials are refused until it is reinstated.
    Suspended,
    /// Over for good.
    Closed,
}

impl AccountStatus {
    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

/// What a user may do in an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, including closing it.
    Owner,
    /// Everything about its agents and users.
    Admin,
    /// The daily work.
    #[default]
    Member,
    /// Tries things out: no payment is asked.
    Tester,
    /// An end customer in a tenant.
    Customer,
}

/// Whether an account would take the text as somebody's e-mail.
pub fn is_email(text: &str) -> bool {
    text::email(text).is_some()
}

impl Account {
    /// A user who owns it.
    pub fn owner(&self) -> Option<&UserId> {
        let mut users = self.users.iter();
        users
            .find(|(_, role)| **role == Role::Owner)
            .map(|(user, _)| user)
    }

    fn register(
        &self,
        account_id: AccountId,
        dialect: Dialect,
        name: &str,
        owner_user_id: UserId,
        owner_email: Option<&str>,
        plan: Plan,
    ) -> Result<Vec<AccountEvent>, AccountRefusal> {
        if self.account_id.is_some() {
            return Err(AccountRefusal::AccountAlreadyRegistered);
        }
        let name = text::name(name, 100).ok_or(AccountRefusal::NameInvalid)?;
        let owner_email = owner_email
            .map(|email| text::email(email).ok_or(AccountRefusal::EmailInvalid))
            .transpose()?;
        let plan = plan.checked().ok_or(AccountRefusal::PlanInvalid)?;
        let owner = AccountEvent::UserAdded {
            user_id: owner_user_id,
            email: owner_email.clone(),
            name: None,
            role: Role::Owner,
        };
        let registered = AccountEvent::Registered {
            account_id,
            dialect,
            name,
            owner_email,
        };
        Ok(vec![registered, owner, AccountEvent::PlanAssigned { plan }])
    }

    fn add_user(
        &self,
        user_id: UserId,
        email: Option<String>,
        name: Option<String>,
        role: Role,
    ) -> Result<Vec<AccountEvent>, AccountRefusal> {
        if self.users.contains_key(&user_id) {
            return Err(AccountRefusal::UserAlreadyAdded);
        }
        let email = email
            .map(|email| text::email(&email).ok_or(AccountRefusal::EmailInvalid))
            .transpose()?;
        let name = name
            .map(|name| text::name(&name, 100).ok_or(AccountRefusal::NameInvalid))
            .transpose()?;
        Ok(vec![AccountEvent::UserAdded {
            user_id,
            email,
            name,
            role,
        }])
    }

    fn grant_role(&self, user_id: UserId, role: Role) -> Result<Vec<AccountEvent>, AccountRefusal> {
        let present = *self.users.get(&user_id).ok_or(AccountRefusal::UserNotFound)?;
        if present == role {
            return Ok(vec![]);
        }
        let owners = self.users.values().filter(|role| **role == Role::Owner).count();
        if present == Role::Owner && owners == 1 {
            return Err(AccountRefusal::LastOwner);
        }
        Ok(vec![AccountEvent::RoleGranted { user_id, role }])
    }

    fn link_identity(
        &self,
        user_id: UserId,
        identity_id: IdentityId,
        issuer: &str,
        subject: &str,
    ) -> Result<Vec<AccountEvent>, AccountRefusal> {
        let Some(account_id) = self
            .account_id
            .clone()
            .filter(|_| self.users.contains_key(&user_id))
        else {
            return Err(AccountRefusal::UserNotFound);
        };
        match self.identities.get(&identity_id) {
            Some(present) if *present == user_id => return Ok(vec![]),
            Some(_) => return Err(AccountRefusal::IdentityTaken),
            None => {}
        }
        let issuer = text::name(issuer, 500).ok_or(AccountRefusal::IdentityInvalid)?;
        let subject = text::name(subject, 255).ok_or(AccountRefusal::IdentityInvalid)?;
        Ok(vec![AccountEvent::IdentityLinked {
            account_id,
            user_id,
            identity_id,
            issuer,
            subject,
        }])
    }
}

impl Decider for Account {
    const TYPE: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Refusal = AccountRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        if let AccountCommand::Register {
            account_id,
            dialect,
            name,
            owner_user_id,
            owner_email,
            plan,
        } = command
        {
            return self.register(
                account_id,
                dialect,
                &name,
                owner_user_id,
                owner_email.as_deref(),
                plan,
            );
        }
        if self.account_id.is_none() {
            return Err(AccountRefusal::AccountNotFound);
        }
        if self.status == AccountStatus::Closed {
            return if command == AccountCommand::Close {
                Ok(vec![])
            } else {
                Err(AccountRefusal::AccountClosed)
            };
        }
        match command {
            AccountCommand::Register { .. } => Err(AccountRefusal::AccountAlreadyRegistered),
            AccountCommand::AddUser {
                user_id,
                email,
                name,
                role,
            } => self.add_user(user_id, email, name, role),
            AccountCommand::GrantRole { user_id, role } => self.grant_role(user_id, role),
            AccountCommand::LinkIdentity {
                user_id,
                identity_id,
                issuer,
                subject,
            } => self.link_identity(user_id, identity_id, &issuer, &subject),
            AccountCommand::AssignPlan { plan } if plan == self.plan => Ok(vec![]),
            AccountCommand::AssignPlan { plan } => {
                let plan = plan.checked().ok_or(AccountRefusal::PlanInvalid)?;
                Ok(vec![AccountEvent::PlanAssigned { plan }])
            }
            AccountCommand::Suspend { reason } if !text::storable(&reason, 500) => {
                Err(AccountRefusal::ReasonInvalid)
            }
            AccountCommand::Suspend { .. } if self.status == AccountStatus::Suspended => Ok(vec![]),
            AccountCommand::Suspend { reason } => Ok(vec![AccountEvent::Suspended { reason }]),
            AccountCommand::Reinstate if self.status == AccountStatus::Registered => Ok(vec![]),
            AccountCommand::Reinstate => Ok(vec![AccountEvent::Reinstated {}]),
            AccountCommand::Close => Ok(vec![AccountEvent::Closed {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            AccountEvent::Registered {
                account_id,
                dialect,
                name,
                owner_email,
            } => {
                self.account_id = Some(account_id.clone());
                self.dialect = *dialect;
                self.name.clone_from(name);
                self.owner_email.clone_from(owner_email);
            }
            AccountEvent::UserAdded { user_id, role, .. } | AccountEvent::RoleGranted { user_id, role } => {
                self.users.insert(user_id.clone(), *role);
            }
            AccountEvent::IdentityLinked {
                user_id, identity_id, ..
            } => {
                self.identities.insert(identity_id.clone(), user_id.clone());
            }
            AccountEvent::PlanAssigned { plan } => self.plan = plan.clone(),
            AccountEvent::Suspended { .. } => self.status = AccountStatus::Suspended,
            AccountEvent::Reinstated {} => self.status = AccountStatus::Registered,
            AccountEvent::Closed {} => self.status = AccountStatus::Closed,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Account(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
