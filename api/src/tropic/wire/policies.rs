//! Policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dialect::{Millis, supplied};

/// A policy.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Policy {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) user_id: String,
    pub(in crate::tropic) name: String,
    /// One rule per line.
    pub(in crate::tropic) rules: String,
    pub(in crate::tropic) created_at: Millis,
    pub(in crate::tropic) updated_at: Millis,
}

/// A policy after a change.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct UpdatedPolicy {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) rules: String,
    pub(in crate::tropic) updated_at: Millis,
}

/// A policy as it stood before it was deleted.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct DeletedPolicy {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) name: String,
    pub(in crate::tropic) rules: String,
    pub(in crate::tropic) created_at: Millis,
    pub(in crate::tropic) updated_at: Millis,
}

/// A new policy.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::tropic) struct CreatePolicy {
    /// 1 to 100 characters after trimming.
    #[schemars(length(min = 1))]
    pub(in crate::tropic) name: String,
    /// Each line that is not blank is `ALLOW: ...`, `REQUIRE CONFIRM: ...` or `DENY: ...`.
    #[schemars(length(min = 1))]
    pub(in crate::tropic) rules: String,
}

/// Changes to a policy; what is left out stays.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::tropic) struct UpdatePolicy {
    /// 1 to 100 characters after trimming.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(min = 1))]
    pub(in crate::tropic) name: Option<String>,
    /// As for a new policy.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(min = 1))]
    pub(in crate::tropic) rules: Option<String>,
}
