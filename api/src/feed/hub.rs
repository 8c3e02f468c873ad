//! Reads the log once for all subscribers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;
use reef_commands::ports::{EventLog, EventQuery, LogError};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{frame::Frame, ring::Ring};

/// Events per read.
const PAGE: u32 = 512;
/// Waking a subscriber costs about this much; rounds are as far apart as waking everybody takes.
const WAKING: Duration = Duration::from_micros(40);
/// But never further than this.
const LONGEST_ROUND: Duration = Duration::from_millis(40);
/// After a failed read.
const PAUSE: Duration = Duration::from_millis(250);

/// The hub.
pub(crate) struct Hub {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) closing: CancellationToken,
    ring: RwLock<Ring>,
    published: watch::Sender<u64>,
    subscribers: AtomicUsize,
    wanted: Notify,
    started: AtomicBool,
}

/// Somebody listens as long as this lives.
pub(super) struct Seat(Arc<Hub>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    /// A hub that does nothing until somebody subscribes.
    pub(crate) fn new(log: Arc<dyn EventLog>, closing: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            log,
            closing,
            ring: RwLock::default(),
            published: watch::channel(0).0,
            subscribers: AtomicUsize::new(0),
            wanted: Notify::new(),
            started: AtomicBool::new(false),
        })
    }

    /// How many listen.
    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.load(Ordering::Relaxed)
    }

    /// Takes a seat, and sees to it that the hub runs; `None`: there are too many.
    pub(super) fn sit_down(self: &Arc<Self>, most: usize) -> Option<(Seat, watch::Receiver<u64>)> {
        let before = self.subscribers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(self));
        if before >= most {
            return None;
        }
        if !self.started.swap(true, Ordering::AcqRel) {
            tokio::spawn(Arc::clone(self).run());
        }
        self.wanted.notify_one();
        Some((seat, self.published.subscribe()))
    }

    /// Frames after the position out of the ring, about so many bytes; `None` if it does not reach back so far.
    pub(super) fn frames(&self, after: u64, bytes: usize) -> Option<Vec<Arc<Frame>>> {
        self.ring.read().after(after, bytes)
    }

    async fn run(self: Arc<Self>) {
        while !self.closing.is_cancelled() {
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = self.wanted.notified() => {
                    if let Err(error) = self.follow().await {
                        tracing::warn!(%error, "the event feed starts over");
                        tokio::time::sleep(PAUSE).await;
                        self.wanted.notify_one();
                    }
                }
            }
        }
        // Wakes everybody, so that they see that it is over.
        self.published.send_modify(|_| {});
    }

    /// Follows the log from its head until nobody listens.
    async fn follow(&self) -> Result<(), LogError> {
        let mut head = self.log.watch();
        let mut cursor = *head.borrow_and_update();
        self.ring.write().restart_after(cursor);
        self.published.send_replace(cursor);
        while self.subscribers() > 0 && !self.closing.is_cancelled() {
            let round = Instant::now();
            let events = self
                .log
                .read(&EventQuery {
                    after: cursor,
                    limit: PAGE,
                    ..EventQuery::default()
                })
                .await?;
            if let Some(last) = events.last() {
                cursor = last.position;
                let frames: Vec<Frame> = events.iter().map(|envelope| Frame::of(envelope)).collect();
                self.ring.write().extend(frames);
                self.published.send_replace(cursor);
                let crowd = u32::try_from(self.subscribers()).unwrap_or(u32::MAX);
                tokio::time::sleep_until(round + WAKING.saturating_mul(crowd).min(LONGEST_ROUND)).await;
                continue;
            }
            // Whoever leaves or closes is noticed at the next event or after a while; both are cheap.
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
                changed = head.changed() => if changed.is_err() { break },
            }
        }
        Ok(())
    }
}
