//! What an account can be asked.

use super::{Plan, Role};
use crate::{AccountId, Dialect, IdentityId, UserId};

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
