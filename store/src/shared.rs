//! What the writer shares with the readers of its process.

use std::sync::Arc;

use parking_lot::RwLock;
use quick_cache::sync::Cache;
use reef_commands::ports::{Clock, StreamKey};
use tokio::sync::watch;

use crate::{
    docs::{DocCache, ViewSet},
    fold::Change,
    memory::HeadState,
    plan::Plan,
    recent::Recent,
};

/// Documents kept in memory, in bytes (estimated).
const CACHED_DOCS: u64 = 128 << 20;
/// Streams whose last sequence readers know without asking the database.
const KNOWN_ENDS: usize = 200_000;

/// What the writer shares with the readers of its process.
pub(crate) struct Shared {
    pub(crate) views: ViewSet,
    pub(crate) docs: DocCache,
    pub(crate) recent: Recent,
    /// Last sequences of streams, where nobody but this process writes: they are exact then.
    ends: Option<Cache<StreamKey, u64>>,
    /// Newest position known to be committed.
    pub(crate) head: watch::Sender<u64>,
    /// The whole head as of this process's last commit.
    pub(crate) state: RwLock<HeadState>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Shared {
    /// `alone`: only this process writes, for as long as it has the database open.
    pub(crate) fn new(views: ViewSet, clock: Arc<dyn Clock>, alone: bool) -> Self {
        Self {
            ends: alone.then(|| Cache::new(KNOWN_ENDS)),
            views,
            docs: DocCache::new(CACHED_DOCS),
            recent: Recent::starting_after(0),
            head: watch::channel(0).0,
            state: RwLock::default(),
            clock,
        }
    }

    /// Takes the head as it was found when the store was opened.
    pub(crate) fn start_at(&self, head: &HeadState) {
        self.recent.restart_after(head.position);
        self.advance(head.position);
        *self.state.write() = head.clone();
    }

    /// Tells everybody who waits that this position is committed.
    pub(crate) fn advance(&self, position: u64) {
        self.head.send_if_modified(|known| {
            let newer = position > *known;
            *known = position.max(*known);
            newer
        });
    }

    /// Publishes a commit. Whether the ring of recent events could take the events.
    pub(crate) fn publish(&self, plan: &Plan, changes: &[Change]) -> bool {
        self.docs.publish(
            changes
                .iter()
                .map(|change| (change.view, &change.id, change.now.as_ref())),
        );
        if let Some(ends) = &self.ends {
            for (key, sequence) in &plan.sequences {
                ends.insert(key.clone(), *sequence);
            }
        }
        let contiguous = self.recent.push(&plan.envelopes());
        *self.state.write() = plan.head.clone();
        self.advance(plan.head.position);
        contiguous
    }

    /// Whether the stream is known to have nothing after that sequence.
    pub(crate) fn ends_at(&self, key: &StreamKey, sequence: u64) -> bool {
        self.ends
            .as_ref()
            .is_some_and(|ends| ends.get(key) == Some(sequence))
    }

    /// The log was changed by other means than an append.
    pub(crate) fn forget_ends(&self) {
        if let Some(ends) = &self.ends {
            ends.clear();
        }
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.clock.now().timestamp_micros()
    }
}
