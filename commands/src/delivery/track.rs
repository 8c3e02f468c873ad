//! A stretch of the log on its way to a webhook: what was read of it and what is still open.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use reef_domain::{Envelope, WebhookId};

use crate::ports::DeliveryTrack;

/// A track as the dispatcher has it. Which events are in it was decided already: all of them match.
#[derive(Debug)]
pub(super) struct Track {
    /// Position of the event that began it.
    pub(super) started: u64,
    /// Its last position; `None`: it follows the log.
    pub(super) until: Option<u64>,
    /// Whether it reads the log by itself; if not, it is handed what the dispatcher reads.
    pub(super) behind: bool,
    /// Whether a read of its is under way.
    pub(super) reading: bool,
    /// What was read is up to here: its own reading, or what it had when it was taken along.
    pub(super) seen: u64,
    queue: VecDeque<Arc<Envelope>>,
    open: BTreeSet<u64>,
}

impl Track {
    /// One that begins after `seen`, and reads by itself until it has caught up.
    pub(super) fn new(started: u64, seen: u64, until: Option<u64>) -> Self {
        Self {
            started,
            until,
            behind: true,
            reading: false,
            seen,
            queue: VecDeque::new(),
            open: BTreeSet::new(),
        }
    }

    /// As it was kept, with the dispatcher's checkpoint.
    pub(super) fn from_kept(kept: &DeliveryTrack, checkpoint: u64) -> Self {
        let mut track = Self::new(kept.started, kept.reached(checkpoint), kept.until);
        track.behind = kept.behind;
        track
    }

    /// To be kept; `read_to` is how far the dispatcher has read.
    pub(super) fn to_kept(&self, webhook: &WebhookId, read_to: u64) -> DeliveryTrack {
        DeliveryTrack {
            webhook_id: webhook.clone(),
            started: self.started,
            cursor: self.cursor(read_to),
            until: self.until,
            behind: self.behind,
        }
    }

    /// Everything up to here is done with.
    pub(super) fn cursor(&self, read_to: u64) -> u64 {
        match self.open.first() {
            Some(first) => first - 1,
            None if self.behind => self.seen,
            None => self.seen.max(read_to),
        }
    }

    /// Takes an event that the dispatcher has read. Without room for it, the track is left behind.
    pub(super) fn hand(&mut self, envelope: &Arc<Envelope>, room: usize) -> bool {
        let position = envelope.position;
        if self.behind || position <= self.seen {
            return false;
        }
        if self.queue.len() >= room {
            self.behind = true;
            self.seen = position - 1;
            return false;
        }
        self.push(Arc::clone(envelope));
        true
    }

    /// Takes what it has read by itself; all up to `seen` was looked at.
    pub(super) fn read(&mut self, events: Vec<Arc<Envelope>>, seen: u64) {
        self.reading = false;
        self.seen = seen.max(self.seen);
        for event in events {
            self.push(event);
        }
    }

    fn push(&mut self, envelope: Arc<Envelope>) {
        self.open.insert(envelope.position);
        self.queue.push_back(envelope);
    }

    pub(super) fn pop(&mut self) -> Option<Arc<Envelope>> {
        self.queue.pop_front()
    }

    pub(super) fn finish(&mut self, position: u64) {
        self.open.remove(&position);
    }

    /// Whether it is to read on by itself, given how far the dispatcher has read.
    pub(super) fn wants_to_read(&self, read_to: u64, room: usize) -> bool {
        let end = self.until.unwrap_or(u64::MAX).min(read_to);
        self.behind && !self.reading && self.queue.len() < room / 2 && self.seen < end
    }

    /// Whether it has caught up and may be taken along from now on.
    pub(super) fn may_be_taken_along(&self, read_to: u64, room: usize) -> bool {
        let caught_up = self.until.is_none() && self.seen >= read_to;
        self.behind && !self.reading && caught_up && self.queue.len() < room / 2
    }

    /// Whether all of it is done with.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty() && !self.reading && self.until.is_some_and(|until| self.seen >= until)
    }

    /// The oldest that is not done with.
    pub(super) fn oldest_open(&self) -> Option<u64> {
        self.open.first().copied()
    }

    /// It goes no further: the webhook was disabled at that position.
    pub(super) fn close(&mut self, at: u64, read_to: u64) {
        self.seen = self.cursor(read_to).min(at);
        self.until = Some(at);
        self.behind = true;
        self.queue.clear();
        self.open.clear();
    }
}
