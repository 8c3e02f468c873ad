//! API keys.

use schemars::JsonSchema;
use serde::Serialize;

use crate::dialect::Millis;

/// A new key: the only time it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct IssuedKey {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) key: String,
    /// Its first 19 characters.
    pub(in crate::tropic) prefix: String,
    pub(in crate::tropic) created_at: Millis,
}

/// A key in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct ApiKey {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) prefix: String,
    /// To the minute; null: not yet.
    pub(in crate::tropic) last_used_at: Option<Millis>,
    pub(in crate::tropic) created_at: Millis,
}
