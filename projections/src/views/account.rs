//! Accounts with their users and plan.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Dialect, Envelope, UserId,
    account::{Account, AccountEvent, AccountStatus, Plan, Role},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// An account as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountDoc {
    /// Its id.
    pub id: AccountId,
    /// The wire API of its clients.
    pub dialect: Dialect,
    /// Display name.
    pub name: String,
    /// E-mail of the owner, where one is known.
    pub owner_email: Option<String>,
    /// Where it is in its life.
    pub status: AccountStatus,
    /// Why it is suspended, while it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub suspended_reason: Option<String>,
    /// What it may do and what that costs.
    pub plan: Plan,
    /// Who acts in it, in the order they came.
    pub users: Vec<AccountUser>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When anything about it changed last.
    pub updated_at: DateTime<Utc>,
}

/// A user of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountUser {
    /// Its id.
    pub user_id: UserId,
    /// E-mail, where one is known.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Since when.
    pub added_at: DateTime<Utc>,
}

impl AccountDoc {
    /// The user who owned it first and still does, else any owner.
    pub fn owner(&self) -> Option<&AccountUser> {
        self.users.iter().find(|user| user.role == Role::Owner)
    }
}

impl Document for AccountDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.id)
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of accounts.
#[derive(Debug)]
pub struct Accounts;

impl Projection for Accounts {
    type Doc = AccountDoc;
    const NAME: &'static str = "accounts";
    const VERSION: u32 = 2;
    const FILTERS: &'static [&'static str] = &["dialect", "owner_email"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Account(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<AccountDoc>, envelope: &Envelope) -> Option<AccountDoc> {
        let AnyEvent::Account(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        if let AccountEvent::Registered {
            account_id,
            dialect,
            name,
            owner_email,
        } = event
        {
            return Some(AccountDoc {
                id: account_id.clone(),
                dialect: *dialect,
                name: name.clone(),
                owner_email: owner_email.clone(),
                status: AccountStatus::Registered,
                suspended_reason: None,
                plan: Plan::default(),
                users: Vec::new(),
                created_at: at,
                updated_at: at,
            });
        }
        let mut doc = doc?;
        doc.updated_at = at;
        match event {
            // Ways to sign in are a view of their own.
            AccountEvent::Registered { .. } | AccountEvent::IdentityLinked { .. } => {}
            AccountEvent::UserAdded {
                user_id,
                email,
                name,
                role,
            } => doc.users.push(AccountUser {
                user_id: user_id.clone(),
                email: email.clone(),
                name: name.clone(),
                role: *role,
                added_at: at,
            }),
            AccountEvent::RoleGranted { user_id, role } => {
                for user in doc.users.iter_mut().filter(|user| user.user_id == *user_id) {
                    user.role = *role;
                }
            }
            AccountEvent::PlanAssigned { plan } => doc.plan = plan.clone(),
            AccountEvent::Suspended { reason } => {
                doc.status = AccountStatus::Suspended;
                doc.suspended_reason = Some(reason.clone());
            }
            AccountEvent::Reinstated {} => {
                doc.status = AccountStatus::Registered;
                doc.suspended_reason = None;
            }
            AccountEvent::Closed {} => doc.status = AccountStatus::Closed,
        }
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Account::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
