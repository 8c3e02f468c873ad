//! What the writer shares with the readers of its process.

use std::sync::Arc;

use parking_lot::RwLock;
use reef_commands::ports::Clock;
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

/// What the writer shares with the readers of its process.
pub(crate) struct Shared {
    pub(crate) views: ViewSet,
    pub(crate) docs: DocCache,
    pub(crate) recent: Recent,
    /// Newest position known to be committed.
    pub(crate) head: watch::Sender<u64>,
    /// The whole head as of this process's last commit.
    pub(crate) state: RwLock<HeadState>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Shared {
    pub(crate) fn new(views: ViewSet, clock: Arc<dyn Clock>) -> Self {
        Self {
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
        let contiguous = self.recent.push(&plan.envelopes());
        *self.state.write() = plan.head.clone();
        self.advance(plan.head.position);
        contiguous
    }

    pub(crate) fn now_us(&self) -> i64 {
        self.clock.now().timestamp_micros()
    }
}
