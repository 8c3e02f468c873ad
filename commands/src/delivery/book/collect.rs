//! What is to be kept of a book since it was collected last.

use super::Book;
use crate::ports::{Attempt, SavedDeliveries};

impl Book {
    /// Adds what changed; `read_to` is how far the dispatcher has read. The oldest position that a track which is
    /// taken along still has open.
    pub(in crate::delivery) fn collect(
        &mut self,
        read_to: u64,
        into: &mut SavedDeliveries,
        attempts: &mut Vec<Attempt>,
    ) -> Option<u64> {
        let dirt = std::mem::take(&mut self.dirt);
        let moved = self
            .tracks
            .iter()
            .filter(|track| dirt.tracks.contains(&track.started));
        into.tracks
            .extend(moved.map(|track| track.to_kept(&self.id, read_to)));
        into.ended
            .extend(dirt.ended.into_iter().map(|started| (self.id.clone(), started)));
        if dirt.health {
            into.health.push(self.health.clone());
        }
        let settled = dirt.settled.into_iter();
        into.settled
            .extend(settled.map(|position| (self.id.clone(), position)));
        let changed = dirt
            .retries
            .iter()
            .filter_map(|position| self.retries.get(position));
        into.retries.extend(changed.cloned());
        attempts.extend(dirt.attempts);
        let along = self.tracks.iter().filter(|track| !track.behind);
        along.filter_map(super::Track::oldest_open).min()
    }

    /// How it stands, for metrics: retries that wait, whether it is in trouble, whether it is behind.
    pub(in crate::delivery) fn gauges(&self) -> (usize, bool, bool) {
        let behind = self.is_enabled() && self.tracks.iter().any(|track| track.behind);
        (self.retries.len(), self.health.in_trouble, behind)
    }

    /// Positions between where it is and how far the dispatcher has read.
    pub(in crate::delivery) fn lag(&self, read_to: u64) -> u64 {
        let live = self.tracks.iter().find(|track| track.until.is_none());
        live.map_or(0, |track| read_to.saturating_sub(track.cursor(read_to)))
    }
}
