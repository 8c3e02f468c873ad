//! Limits as the documents of the dialects state them: so many requests in any minute, not on average.
//!
//! The times of the requests let in are kept, so that both are exact: whether one more fits, and when it will.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use reef_domain::Dialect;

use super::Counted;

/// What all limits are counted over.
const WINDOW: Duration = Duration::from_mins(1);
/// After so many requests, those who have not asked for a minute are forgotten.
const FORGET_EVERY: u32 = 1 << 14;

/// Whose requests to what are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    dialect: Option<Dialect>,
    /// The one operation that is counted on its own; `None`: all of them.
    operation: Option<Arc<str>>,
    whose: Counted,
}

#[derive(Default)]
struct Seen {
    times: HashMap<Key, VecDeque<Instant>>,
    checks: u32,
}

/// The requests of the last minute.
pub(crate) struct Windows {
    /// The documented limits times this.
    factor: u32,
    seen: Mutex<Seen>,
}

/// A limit that one operation has besides.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub(crate) operation: Arc<str>,
    pub(crate) per_minute: u32,
}

impl Windows {
    /// Limits as documented, times `factor`; `None` for 0: no limits.
    pub(crate) fn times(factor: u32) -> Option<Self> {
        (factor > 0).then(|| Self {
            factor,
            seen: Mutex::default(),
        })
    }

    /// Counts a request if it fits into every limit that applies, and into all of them at once. Returns the
    /// seconds until it would be let in; 0: it is.
    pub(crate) fn count(
        &self,
        dialect: Option<Dialect>,
        whose: &Counted,
        per_minute: u32,
        own: Option<&Own>,
        now: Instant,
    ) -> u64 {
        let key = |operation| Key {
            dialect,
            operation,
            whose: whose.clone(),
        };
        let mut limits = vec![(key(None), per_minute)];
        limits.extend(own.map(|own| (key(Some(Arc::clone(&own.operation))), own.per_minute)));
        let mut seen = self.seen.lock();
        seen.forget(now);
        let waits = limits.iter().map(|(key, limit)| {
            let limit = usize::try_from(limit.saturating_mul(self.factor)).unwrap_or(usize::MAX);
            seen.times
                .get_mut(key)
                .map_or(Duration::ZERO, |times| wait(times, limit, now))
        });
        let wait = waits.max().unwrap_or_default();
        if wait > Duration::ZERO {
            return wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        }
        for (key, _) in limits {
            seen.times.entry(key).or_default().push_back(now);
        }
        0
    }
}

/// How long until one more request fits.
fn wait(times: &mut VecDeque<Instant>, limit: usize, now: Instant) -> Duration {
    while times
        .front()
        .is_some_and(|first| now.duration_since(*first) >= WINDOW)
    {
        times.pop_front();
    }
    // Were the limit lowered, several would have to leave first.
    let Some(leaves) = times.len().checked_sub(limit).and_then(|index| times.get(index)) else {
        return Duration::ZERO;
    };
    WINDOW.saturating_sub(now.duration_since(*leaves))
}

impl Seen {
    fn forget(&mut self, now: Instant) {
        self.checks = self.checks.wrapping_add(1);
        if self.checks.is_multiple_of(FORGET_EVERY) {
            self.times.retain(|_, times| {
                times
                    .back()
                    .is_some_and(|last| now.duration_since(*last) < WINDOW)
            });
        }
    }
}

#[cfg(test)]
mod tests;
