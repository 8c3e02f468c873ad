//! What is to be sent to one webhook, and when: its tracks, its retries, and whether it is in trouble.
//!
//! Pure: time comes in, and nothing is awaited. [`Book::next`] says what to do, [`Book::settle`] takes what came of
//! it. What a crash must not lose is collected by [`Book::collect`].
//!
//! **Invariants:** a position is done with only when it was delivered, has a retry, or was given up; the number
//! of retries is bounded; a webhook in trouble has one delivery under way at a time, and its tracks stay.

mod change;
mod collect;
mod settle;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use reef_domain::{
    Decider, Envelope, WebhookId,
    webhook::{Webhook, WebhookStatus},
};

use super::{DispatchConfig, track::Track};
use crate::ports::{Attempt, DeliveryRetry, KeptDeliveries, LaneHealth};

pub(super) use settle::{Outcome, Tried};

/// Where a delivery comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A retry.
    Retry,
    /// The track that began at that position.
    Track(u64),
}

/// A delivery to make.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) webhook: Arc<Webhook>,
    pub(super) position: u64,
    /// The event; `None`: it is to be read from the log.
    pub(super) envelope: Option<Arc<Envelope>>,
    /// Tries before this one.
    pub(super) tries: u32,
    pub(super) origin: Origin,
}

/// A piece of the log for a track that goes its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) track: u64,
    pub(super) after: u64,
    pub(super) until: u64,
}

/// What to do now.
#[derive(Debug)]
pub(super) enum Step {
    Send(Box<Job>),
    Read(Read),
    /// The track that began there has caught up: it may be taken along.
    CaughtUp(u64),
    /// Nothing before that time, or before something happens.
    Wait(Option<DateTime<Utc>>),
}

/// A first delivery that failed and has no retry: it keeps its track where it is.
#[derive(Debug)]
struct Held {
    track: u64,
    envelope: Arc<Envelope>,
    tries: u32,
}

#[derive(Debug, Default)]
struct Dirt {
    health: bool,
    tracks: BTreeSet<u64>,
    ended: Vec<u64>,
    retries: BTreeSet<u64>,
    settled: BTreeSet<u64>,
    attempts: VecDeque<Attempt>,
}

/// What is to be sent to one webhook.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) id: WebhookId,
    pub(super) webhook: Arc<Webhook>,
    /// Events of the webhook's own stream that `webhook` has seen.
    sequence: u64,
    config: Arc<DispatchConfig>,
    tracks: Vec<Track>,
    turn: usize,
    retries: BTreeMap<u64, DeliveryRetry>,
    /// Positions of retries that are under way.
    trying: BTreeSet<u64>,
    held: VecDeque<Held>,
    under_way: usize,
    health: LaneHealth,
    probes_in_vain: u32,
    probe_at: Option<DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
    free_at: Option<DateTime<Utc>>,
    /// It is about to be disabled.
    stopped: bool,
    dirt: Dirt,
}

impl Book {
    /// The book of a webhook of which nothing was kept.
    pub(super) fn new(
        id: WebhookId,
        webhook: Arc<Webhook>,
        sequence: u64,
        config: Arc<DispatchConfig>,
    ) -> Self {
        Self {
            health: LaneHealth {
                webhook_id: id.clone(),
                attempts: 0,
                failures_in_row: 0,
                failing_since: None,
                in_trouble: false,
            },
            id,
            webhook,
            sequence,
            config,
            tracks: Vec::new(),
            turn: 0,
            retries: BTreeMap::new(),
            trying: BTreeSet::new(),
            held: VecDeque::new(),
            under_way: 0,
            probes_in_vain: 0,
            probe_at: None,
            paused_until: None,
            free_at: None,
            stopped: false,
            dirt: Dirt::default(),
        }
    }

    /// Takes what was kept of it out of there.
    pub(super) fn remember(&mut self, kept: &mut KeptDeliveries) {
        let checkpoint = kept.checkpoint;
        let tracks = kept.tracks.extract_if(.., |track| track.webhook_id == self.id);
        self.tracks = tracks.map(|track| Track::from_kept(&track, checkpoint)).collect();
        let retries = kept.retries.extract_if(.., |retry| retry.webhook_id == self.id);
        self.retries = retries.map(|retry| (retry.position, retry)).collect();
        if let Some(health) = kept.health.iter().find(|health| health.webhook_id == self.id) {
            self.health = health.clone();
        }
    }

    fn is_enabled(&self) -> bool {
        self.webhook.status == WebhookStatus::Enabled && !self.stopped
    }

    /// Whether it is gone for good.
    pub(super) fn is_gone(&self) -> bool {
        self.webhook.is_gone()
    }

    /// What to do now; `read_to` is how far the dispatcher has read the log.
    pub(super) fn next(&mut self, now: DateTime<Utc>, read_to: u64) -> Step {
        let allowed = if self.health.in_trouble {
            1
        } else {
            self.config.concurrency
        };
        if self.is_gone() || self.under_way >= allowed {
            return Step::Wait(None);
        }
        let wait = self.paused_until.max(self.free_at).filter(|until| *until > now);
        if wait.is_some() {
            return Step::Wait(wait);
        }
        let due = self.earliest_retry();
        if let Some((at, position)) = due
            && at <= now
        {
            return self.send_retry(position, now);
        }
        let due = due.map(|(at, _)| at);
        if !self.is_enabled() {
            return Step::Wait(due);
        }
        if self.health.in_trouble
            && let Some(probe_at) = self.probe_at
            && probe_at > now
        {
            return Step::Wait(Some(due.map_or(probe_at, |due| due.min(probe_at))));
        }
        if let Some(held) = self.held.pop_front() {
            return self.send(held.track, held.envelope, held.tries, now);
        }
        self.next_of_tracks(now, read_to).unwrap_or(Step::Wait(due))
    }

    /// The retry that is due first and may be sent.
    fn earliest_retry(&self) -> Option<(DateTime<Utc>, u64)> {
        let enabled = self.is_enabled();
        self.retries
            .values()
            .filter(|retry| (enabled || retry.always) && !self.trying.contains(&retry.position))
            .map(|retry| (retry.due_at, retry.position))
            .min()
    }

    fn next_of_tracks(&mut self, now: DateTime<Utc>, read_to: u64) -> Option<Step> {
        let room = self.config.queue;
        for _ in 0..self.tracks.len() {
            self.turn = (self.turn + 1) % self.tracks.len();
            let track = &mut self.tracks[self.turn];
            let started = track.started;
            if track.may_be_taken_along(read_to, room) {
                return Some(Step::CaughtUp(started));
            }
            if track.wants_to_read(read_to, room) {
                track.reading = true;
                return Some(Step::Read(Read {
                    track: started,
                    after: track.seen,
                    until: track.until.unwrap_or(u64::MAX).min(read_to),
                }));
            }
            if let Some(envelope) = track.pop() {
                return Some(self.send(started, envelope, 0, now));
            }
        }
        None
    }

    fn send_retry(&mut self, position: u64, now: DateTime<Utc>) -> Step {
        self.trying.insert(position);
        let tries = self.retries.get(&position).map_or(0, |retry| retry.tries);
        self.begin(position, None, tries, Origin::Retry, now)
    }

    fn send(&mut self, track: u64, envelope: Arc<Envelope>, tries: u32, now: DateTime<Utc>) -> Step {
        let position = envelope.position;
        self.begin(position, Some(envelope), tries, Origin::Track(track), now)
    }

    fn begin(
        &mut self,
        position: u64,
        envelope: Option<Arc<Envelope>>,
        tries: u32,
        origin: Origin,
        now: DateTime<Utc>,
    ) -> Step {
        self.under_way += 1;
        if self.config.rate_per_s > 0 {
            let gap = chrono::TimeDelta::microseconds(1_000_000 / i64::from(self.config.rate_per_s));
            self.free_at = Some(self.free_at.map_or(now, |free| free.max(now)) + gap);
        }
        Step::Send(Box::new(Job {
            webhook: Arc::clone(&self.webhook),
            position,
            envelope,
            tries,
            origin,
        }))
    }

    /// Takes an event that the dispatcher has read and that matches. Whether there is something to do now.
    pub(super) fn hand(&mut self, envelope: &Arc<Envelope>) -> bool {
        let room = self.config.queue;
        let Some(track) = self.tracks.iter_mut().find(|track| track.until.is_none()) else {
            return false;
        };
        let was_behind = track.behind;
        let handed = track.hand(envelope, room);
        if !was_behind && track.behind {
            self.dirt.tracks.insert(track.started);
        }
        handed
    }

    /// Takes what a track has read by itself: what matches of it, and up to where it has looked.
    pub(super) fn read(&mut self, started: u64, events: Vec<Arc<Envelope>>, seen: u64) {
        if let Some(track) = self.track(started) {
            track.read(events, seen);
            self.dirt.tracks.insert(started);
        }
        self.end_tracks();
    }

    /// The read failed; it is tried again.
    pub(super) fn read_failed(&mut self, track: u64, again_at: DateTime<Utc>) {
        if let Some(track) = self.track(track) {
            track.reading = false;
        }
        self.paused_until = self.paused_until.max(Some(again_at));
    }

    /// The track is handed what the dispatcher reads from now on, if it is still where that is.
    pub(super) fn take_along(&mut self, started: u64, read_to: u64) {
        let room = self.config.queue;
        if let Some(track) = self.track(started)
            && track.may_be_taken_along(read_to, room)
        {
            track.behind = false;
            self.dirt.tracks.insert(started);
        }
    }

    fn track(&mut self, started: u64) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.started == started)
    }

    /// Forgets replays that are over.
    fn end_tracks(&mut self) {
        if !self.is_enabled() {
            return;
        }
        let over = self.tracks.extract_if(.., |track| track.is_over());
        for track in over {
            self.dirt.tracks.remove(&track.started);
            self.dirt.ended.push(track.started);
        }
    }
}
