//! So many requests in any hour for one text, such as an e-mail, whether or not anything is behind it.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use quick_cache::sync::Cache;

/// What is counted over.
const WINDOW: Duration = Duration::from_hours(1);
/// Texts remembered; the one not asked for longest is forgotten first.
const TEXTS: usize = 100_000;

/// The requests of the last hour, by the digest of what they are about.
pub(crate) struct Hourly {
    limit: usize,
    seen: Cache<String, Arc<Mutex<VecDeque<Instant>>>>,
}

impl Hourly {
    /// So many.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            seen: Cache::new(TEXTS),
        }
    }

    /// Counts a request if it fits. Returns the seconds until it would be let in; 0: it is.
    pub(crate) fn count(&self, digest: &str, now: Instant) -> u64 {
        let times = self
            .seen
            .get_or_insert_with::<_, std::convert::Infallible>(digest, || Ok(Arc::default()));
        let Ok(times) = times;
        let mut times = times.lock();
        while times
            .front()
            .is_some_and(|first| now.duration_since(*first) >= WINDOW)
        {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= self.limit => {
                let wait = WINDOW.saturating_sub(now.duration_since(*first));
                wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
            }
            _ => {
                times.push_back(now);
                0
            }
        }
    }
}

#[cfg(test)]
mod tests;
