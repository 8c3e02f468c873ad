//! What can happen to an account.

use super::{Plan, Role};
use crate::{AccountId, Dialect, IdentityId, UserId, event::events};

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
