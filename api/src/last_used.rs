//! When credentials were used last, to the minute: neither an event nor a view.
//!
//! A use is noted in the database at most once a minute per key and process, beside the request.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use reef_commands::ports::{KeyUses, LogError};
use reef_domain::ApiKeyId;

/// Keys remembered.
const KEYS: usize = 100_000;
/// A key that was noted so recently is not noted again.
const GRAIN: TimeDelta = TimeDelta::minutes(1);

/// When keys were used last.
pub(crate) struct LastUsed {
    noted: Cache<Arc<str>, DateTime<Utc>>,
    uses: Arc<dyn KeyUses>,
}

impl LastUsed {
    /// Kept there.
    pub(crate) fn new(uses: Arc<dyn KeyUses>) -> Self {
        Self {
            noted: Cache::new(KEYS),
            uses,
        }
    }

    /// The key was used. No request waits for its note, and none fails with it.
    pub(crate) fn note(&self, key_id: &Arc<str>, now: DateTime<Utc>) {
        if self.noted.get(key_id).is_some_and(|last| now - last < GRAIN) {
            return;
        }
        self.noted.insert(Arc::clone(key_id), now);
        let (uses, key) = (Arc::clone(&self.uses), ApiKeyId::new(Arc::clone(key_id)));
        tokio::spawn(async move {
            if let Err(error) = uses.note_use(&key, now).await {
                tracing::warn!(%error, "the use of a key was not noted");
            }
        });
    }

    /// When these keys were used last, by whatever process.
    pub(crate) async fn of(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, DateTime<Utc>>, LogError> {
        let mut last: HashMap<_, _> = self.uses.last_uses(keys).await?.into_iter().collect();
        // What this process noted a moment ago may still be on its way.
        for key in keys {
            if let Some(noted) = self.noted.get(key.as_str()) {
                let known = last.entry(key.clone()).or_insert(noted);
                *known = noted.max(*known);
            }
        }
        Ok(last)
    }
}
