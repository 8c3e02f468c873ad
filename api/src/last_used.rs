//! When credentials were used last: in memory and bounded, no event and no view.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;

/// Keys remembered.
const KEYS: usize = 100_000;
/// A key that was noted so recently is not noted again.
const GRAIN: TimeDelta = TimeDelta::minutes(1);

/// When keys were used last, to the minute.
pub struct LastUsed(Cache<Arc<str>, DateTime<Utc>>);

impl Default for LastUsed {
    fn default() -> Self {
        Self(Cache::new(KEYS))
    }
}

impl LastUsed {
    /// The key was used.
    pub(crate) fn note(&self, key_id: &Arc<str>, now: DateTime<Utc>) {
        if self.0.get(key_id).is_none_or(|last| now - last >= GRAIN) {
            self.0.insert(Arc::clone(key_id), now);
        }
    }

    /// When the key of that id was used last, as far as this process knows.
    pub fn of(&self, key_id: &str) -> Option<DateTime<Utc>> {
        self.0.get(&Arc::from(key_id))
    }

    /// Every key that this process remembers, with when it was used last.
    pub fn all(&self) -> Vec<(Arc<str>, DateTime<Utc>)> {
        self.0.iter().collect()
    }
}
