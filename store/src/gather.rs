//! When to wait for more appends before committing.
//!
//! Callers who were just answered tend to come back within microseconds. Committing at once with the few
//! who came first makes batches alternate between few and many, each paying for an fsync; waiting for all
//! of them leaves the database idle while they decide. So a writer waits for half of those it saw last:
//! while one half is committed the other decides. Where other nodes write too it waits for all: each batch
//! has to wait for the head's lock. It never waits longer than a fraction of a commit.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// At most this part of a commit's time is waited.
const PART: u32 = 4;
/// And never longer than this.
const MOST: Duration = Duration::from_millis(1);

/// What the writer learned from its last batches.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    crowd: usize,
    commit: Duration,
}

/// Until when to wait for how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    enough: usize,
    until: Instant,
}

impl Gather {
    /// How long to wait, having received the first of a batch. `contended`: other nodes write too.
    pub(crate) fn patience(&self, now: Instant, contended: bool) -> Patience {
        Patience {
            enough: if contended { self.crowd } else { self.crowd / 2 },
            until: now + (self.commit / PART).min(MOST),
        }
    }

    /// Learns from a batch of that size, and how many came while it was committed.
    pub(crate) fn learn(&mut self, size: usize, came: usize, took: Duration) {
        self.crowd = size + came;
        self.commit = (self.commit * 3 + took) / 4;
    }
}

impl Patience {
    /// Whether it is time to commit what there is.
    pub(crate) fn is_over(&self, size: usize, now: Instant) -> bool {
        size >= self.enough || now >= self.until
    }
}

/// Adds to a batch what has come meanwhile, up to `most`.
pub(crate) fn top_up<T>(batch: &mut Vec<T>, queue: &mut mpsc::Receiver<T>, most: usize) {
    while batch.len() < most
        && let Ok(next) = queue.try_recv()
    {
        batch.push(next);
    }
}

#[cfg(test)]
mod tests;
