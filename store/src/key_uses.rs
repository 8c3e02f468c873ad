//! When API keys were used last.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_commands::ports::{KeyUses, LogError};
use reef_domain::ApiKeyId;

use crate::Store;

#[async_trait]
impl KeyUses for Store {
    async fn note_use(&self, key: &ApiKeyId, used_at: DateTime<Utc>) -> Result<(), LogError> {
        let sql = "INSERT INTO key_uses (key_id, used_at) VALUES ($1, $2) \
                   ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at \
                   WHERE key_uses.used_at < excluded.used_at";
        let args = vec![key.as_str().into(), used_at.timestamp_micros().into()];
        self.0.db.write_one(sql, args).await?;
        Ok(())
    }

    async fn last_uses(&self, keys: &[ApiKeyId]) -> Result<Vec<(ApiKeyId, DateTime<Utc>)>, LogError> {
        let select = "SELECT key_id, used_at FROM key_uses WHERE key_id IN";
        let ids = keys.iter().map(ApiKeyId::as_str);
        let mut rows = self.0.db.fetch_each(select, ids).await?;
        let found = rows.iter_mut().map(|row| {
            let used_at = DateTime::from_timestamp_micros(row.int(1)).unwrap_or_default();
            (ApiKeyId::from(row.text(0)), used_at)
        });
        Ok(found.collect())
    }
}
