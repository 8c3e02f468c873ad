//! Registering, signing in, and who one is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody new.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct Register {
    /// Name of the account.
    #[schemars(length(min = 1, max = 100))]
    pub(in crate::thermidora) name: String,
    /// E-mail of its owner.
    pub(in crate::thermidora) email: String,
    /// A code that the operator issued.
    pub(in crate::thermidora) invite_code: String,
}

/// A new account, with a token that works at once.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct Registered {
    pub(in crate::thermidora) account_id: String,
    pub(in crate::thermidora) email: String,
    pub(in crate::thermidora) name: String,
    pub(in crate::thermidora) token: String,
}

/// Who wants to sign in.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct Login {
    /// E-mail of the account's owner.
    pub(in crate::thermidora) email: String,
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Message {
    /// For people.
    pub(in crate::thermidora) message: &'static str,
}

/// The code that came by mail.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct Verify {
    /// E-mail of the account's owner.
    pub(in crate::thermidora) email: String,
    /// Six digits.
    #[schemars(regex(pattern = "^[0-9]{6}$"))]
    pub(in crate::thermidora) code: String,
}

/// Somebody who signed in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct SignedIn {
    pub(in crate::thermidora) account_id: String,
    pub(in crate::thermidora) token: String,
}

/// The caller's account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct Me {
    pub(in crate::thermidora) account_id: String,
    pub(in crate::thermidora) email: String,
    pub(in crate::thermidora) name: String,
    /// What is left, in US dollars.
    pub(in crate::thermidora) balance_usd: f64,
}
