//! API keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dialect::Millis;

/// How a new key is to be called.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct CreateApiKey {
    /// Display name; need not be unique.
    #[schemars(length(min = 1, max = 100))]
    pub(in crate::thermidora) name: String,
}

/// A new key: the only time it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct IssuedKey {
    pub(in crate::thermidora) key_id: String,
    pub(in crate::thermidora) api_key: String,
    pub(in crate::thermidora) name: String,
}

/// The account's keys that work.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct ApiKeys {
    pub(in crate::thermidora) keys: Vec<ApiKey>,
}

/// A key in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct ApiKey {
    pub(in crate::thermidora) key_id: String,
    pub(in crate::thermidora) name: String,
    /// Its first 12 characters.
    pub(in crate::thermidora) prefix: String,
    /// To the minute; null: not yet.
    pub(in crate::thermidora) last_used_at: Option<Millis>,
    pub(in crate::thermidora) created_at: Millis,
}

/// A key that works no longer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct RevokedKey {
    pub(in crate::thermidora) key_id: String,
    /// Always true.
    pub(in crate::thermidora) deleted: bool,
}
