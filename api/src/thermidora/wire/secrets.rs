//! Secrets of an instance.

use std::collections::BTreeMap;

use reef_commands::secret::SecretValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Secrets to be stored.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct StoreSecrets {
    /// Name of an environment variable to its value, at least one.
    #[schemars(length(min = 1, max = 200))]
    pub(in crate::thermidora) secrets: BTreeMap<String, SecretValue>,
}

/// What became of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct StoredSecrets {
    /// How many were in the request.
    pub(in crate::thermidora) stored: usize,
    /// Whether the instance restarts to see them.
    pub(in crate::thermidora) restarting: bool,
}

/// A secret, without its value.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct SecretKey {
    pub(in crate::thermidora) key: String,
}

/// Secrets of an instance, by name.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct SecretKeys {
    pub(in crate::thermidora) secrets: Vec<SecretKey>,
}

/// A secret that is no more.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct DeletedSecret {
    pub(in crate::thermidora) key: String,
    /// Always true.
    pub(in crate::thermidora) deleted: bool,
    /// Whether the instance restarts without it.
    pub(in crate::thermidora) restarting: bool,
}
