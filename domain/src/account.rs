//! Account: who owns everything and is billed, with its users and its plan.
//!
//! **Invariants:** there is always at least one owner; a closed account never changes again; a way to sign
//! in leads to one user. The uniqueness of the owner's e-mail, and of ways to sign in over all accounts, is
//! kept by reservation streams.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AnyEvent, Decider, Dialect, IdentityId, Refusal, RefusalKind, UserId, event::events, text,
};

mod plan;

pub use plan::Plan;

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

/// What an account can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum AccountCommand {
    /// Open it.
    Register {
        /// New id.
        account_id: AccountId,
        /// The wire API of its clients.
        dialect: Dialect,
        /// Display name, 1 to 100 characters.
        name: String,
        /// New id of the owner.
        owner_user_id: UserId,
        /// E-mail of the owner, where one is known.
        owner_email: Option<String>,
        /// First plan.
        plan: Plan,
    },
    /// Let another person act in it.
    AddUser {
        /// New id.
        user_id: UserId,
        /// E-mail, where one is known.
        email: Option<String>,
        /// Display name, 1 to 100 characters.
        name: Option<String>,
        /// First role.
        role: Role,
    },
    /// Change a user's role.
    GrantRole {
        /// Whose.
        user_id: UserId,
        /// The role from now on.
        role: Role,
    },
    /// Let a user sign in with the session tokens of an issuer outside. The same again changes nothing.
    LinkIdentity {
        /// Whose way to sign in it is.
        user_id: UserId,
        /// Id of the identity.
        identity_id: IdentityId,
        /// The issuer of the tokens, 1 to 500 characters.
        issuer: String,
        /// Who it is to the issuer, 1 to 255 characters.
        subject: String,
    },
    /// Change the plan.
    AssignPlan {
        /// The plan from now on.
        plan: Plan,
    },
    /// Refuse its credentials for now.
    Suspend {
        /// Why, for people; up to 500 bytes.
        reason: String,
    },
    /// Take a suspension back.
    Reinstate,
    /// End it for good.
    Close,
}

events! {
    /// What can happen to an account.
    pub enum AccountEvent {
        /// It was opened.
        Registered = "AccountRegistered", 1 {
            /// Its id.
            account_id: AccountId,
            /// The wire API of its clients.
            dialect: Dialect,
            /// Display name.
            name: String,
            /// E-mail of the owner, where one is known.
            owner_email: Option<String>,
        },
        /// Somebody may act in it.
        UserAdded = "UserAdded", 1 {
            /// Who.
            user_id: UserId,
            /// E-mail, where one is known.
            email: Option<String>,
            /// Display name.
            name: Option<String>,
            /// First role.
            role: Role,
        },
        /// A user's role changed.
        RoleGranted = "RoleGranted", 1 {
            /// Whose.
            user_id: UserId,
            /// The role from now on.
            role: Role,
        },
        /// A user signs in with the session tokens of an issuer outside.
        IdentityLinked = "IdentityLinked", 1 {
            /// Whose account.
            account_id: AccountId,
            /// Whose way to sign in it is.
            user_id: UserId,
            /// Id of the identity.
            identity_id: IdentityId,
            /// The issuer of the tokens.
            issuer: String,
            /// Who it is to the issuer.
            subject: String,
        },
        /// The plan is another.
        PlanAssigned = "PlanAssigned", 1 {
            /// The plan from now on.
            plan: Plan,
        },
        /// Its credentials are refused.
        Suspended = "AccountSuspended", 1 {
            /// Why.
            reason: String,
        },
        /// It is in use again.
        Reinstated = "AccountReinstated", 1 {},
        /// It is over.
        Closed = "AccountClosed", 1 {},
    }
}

/// Why an account says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// No such account.
    #[error("there is no such account")]
    AccountNotFound,
    /// The id is taken.
    #[error("the account is already registered")]
    AccountAlreadyRegistered,
    /// It is closed.
    #[error("the account is closed")]
    AccountClosed,
    /// The user is not of this account.
    #[error("there is no such user in the account")]
    UserNotFound,
    /// The user is there with another role or name.
    #[error("the user is already in the account")]
    UserAlreadyAdded,
    /// The way to sign in leads to another user.
    #[error("another user of the account signs in with that identity")]
    IdentityTaken,
    /// An issuer or subject that nothing can be filed under.
    #[error("an issuer has 1 to 500 and a subject 1 to 255 characters, none of them a control character")]
    IdentityInvalid,
    /// Somebody must own it.
    #[error("the account would be left without an owner")]
    LastOwner,
    /// 1 to 100 printable characters.
    #[error("a name has 1 to 100 characters, none of them a control character")]
    NameInvalid,
    /// Not an address.
    #[error("that is not an e-mail address")]
    EmailInvalid,
    /// A figure of the plan is out of range.
    #[error("a figure of the plan is out of range")]
    PlanInvalid,
    /// The text is too long or cannot be stored.
    #[error("a reason has at most 500 bytes")]
    ReasonInvalid,
}

impl Refusal for AccountRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::AccountNotFound => "account_not_found",
            Self::AccountAlreadyRegistered => "account_already_registered",
            Self::AccountClosed => "account_closed",
            Self::UserNotFound => "user_not_found",
            Self::UserAlreadyAdded => "user_already_added",
            Self::IdentityTaken => "identity_taken",
            Self::IdentityInvalid => "identity_invalid",
            Self::LastOwner => "last_owner",
            Self::NameInvalid => "name_invalid",
            Self::EmailInvalid => "email_invalid",
            Self::PlanInvalid => "plan_invalid",
            Self::ReasonInvalid => "reason_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::AccountNotFound | Self::UserNotFound => RefusalKind::NotFound,
            Self::AccountAlreadyRegistered
            | Self::AccountClosed
            | Self::UserAlreadyAdded
            | Self::IdentityTaken
            | Self::LastOwner => RefusalKind::Conflict,
            Self::NameInvalid
            | Self::EmailInvalid
            | Self::IdentityInvalid
            | Self::PlanInvalid
            | Self::ReasonInvalid => RefusalKind::Invalid,
        }
    }
}

/// Whether an account would take the text as somebody's e-mail.
pub fn is_email(text: &str) -> bool {
    text::email(text).is_some()
}

impl Account {
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
