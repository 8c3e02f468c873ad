//! When API keys were used last: a bounded store, one row per key, neither events nor a view.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::ApiKeyId;

use super::LogError;

/// Keeps when keys were used last, for all server processes. Written at most once a minute per key and process.
#[async_trait]
pub trait KeyUses: Send + Sync + 'static {
    /// The key was used; an earlier time than the known one changes nothing.
    async fn note_use(&self, key: &ApiKeyId, used_at: DateTime<Utc>) -> Result<(), LogError>;
    /// When these keys were used last; those never used are left out.
    async fn last_uses(&self, keys: &[ApiKeyId]) -> Result<Vec<(ApiKeyId, DateTime<Utc>)>, LogError>;
}
