//! Why an account says no.

use crate::{Refusal, RefusalKind};

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
