//! Where all that is random comes from, and all that is time.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::StdRng};
use reef_commands::{Entropy, ports::Clock};
use tokio::time::Instant;

/// Seeded chance. Cheap to clone; all clones draw from one source.
#[derive(Clone)]
pub(crate) struct Chance(Arc<Mutex<StdRng>>);

impl Chance {
    /// All that follows from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Another source, so that what one draws does not shift what the other draws.
    pub(crate) fn fork(&self) -> Self {
        Self::new(self.0.lock().next_u64())
    }

    /// Whether something of this many percent happens.
    pub(crate) fn percent(&self, percent: u32) -> bool {
        self.0.lock().random_range(0..100) < percent
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        self.0.lock().random_range(0..end.max(1))
    }

    /// One of these; `None` if there is none.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        (!of.is_empty()).then(|| &of[self.below(of.len())])
    }
}

/// Says what happens, where `REEF_TEST_TRACE` is set.
pub(crate) fn trace(what: &str) {
    if std::env::var_os("REEF_TEST_TRACE").is_some() {
        eprintln!("{what}");
    }
}

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }
}

/// A clock that stands still until the runtime's paused time moves.
pub(crate) struct PausedClock(Instant);

impl PausedClock {
    /// Begins at a fixed moment.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for PausedClock {
    fn now(&self) -> DateTime<Utc> {
        let beginning = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment in 2027");
        beginning + TimeDelta::from_std(self.0.elapsed()).expect("no simulation lasts that long")
    }
}
