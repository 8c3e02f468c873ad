//! What events of the webhook itself change.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reef_domain::{Decider, Envelope, webhook::WebhookEvent};

use super::Book;
use crate::delivery::track::Track;

/// Deliveries that may wait because somebody asked for them, as a multiple of the others.
const ASKED: usize = 10;

impl Book {
    /// Takes an event of the webhook. With `act` it is followed; without, it was before this dispatcher.
    pub(in crate::delivery) fn change(
        &mut self,
        event: &WebhookEvent,
        envelope: &Envelope,
        act: bool,
        now: DateTime<Utc>,
    ) {
        if envelope.sequence > self.sequence {
            Arc::make_mut(&mut self.webhook).evolve(event);
            self.sequence = envelope.sequence;
        }
        if !act {
            return;
        }
        let at = envelope.position;
        match event {
            WebhookEvent::Created { from, .. } | WebhookEvent::Enabled { from } => self.begin_anew(at, *from),
            WebhookEvent::Disabled { .. } => self.close(at),
            WebhookEvent::Tested { .. } => self.ask(at, now),
            WebhookEvent::ResendRequested { position } => self.ask(*position, now),
            WebhookEvent::ReplayRequested { from, to } => {
                let until = Some((*to).min(at));
                self.tracks
                    .push(Track::new(at, from.saturating_sub(1).min(at), until));
                self.dirt.tracks.insert(at);
            }
            WebhookEvent::Updated { .. }
            | WebhookEvent::SecretRotated { .. }
            | WebhookEvent::SecretRetired { .. }
            | WebhookEvent::Deleted {} => {}
        }
    }

    /// Delivers from that position on, or what comes after `at`. What waits to be tried again goes on waiting,
    /// unless it will come anew.
    fn begin_anew(&mut self, at: u64, from: Option<u64>) {
        self.end_all();
        self.stopped = false;
        self.paused_until = None;
        self.fares_well();
        if let Some(from) = from {
            let anew: Vec<u64> = self
                .retries
                .range(from..)
                .map(|(position, _)| *position)
                .collect();
            for position in anew {
                self.settle_retry(position);
            }
        }
        let seen = from.map_or(at, |from| from.saturating_sub(1).min(at));
        self.tracks.push(Track::new(at, seen, None));
        self.dirt.tracks.insert(at);
    }

    /// Delivers nothing more; where it was is kept for its owner.
    fn close(&mut self, at: u64) {
        let live = self.tracks.iter().position(|track| track.until.is_none());
        let live = live.map(|place| self.tracks.swap_remove(place));
        self.end_all();
        if let Some(mut live) = live {
            // Everything before its disabling was handed to it or is still before it.
            live.close(at, at - 1);
            self.dirt.tracks.insert(live.started);
            self.tracks.push(live);
        }
    }

    fn end_all(&mut self) {
        for track in self.tracks.drain(..) {
            self.dirt.tracks.remove(&track.started);
            self.dirt.ended.push(track.started);
        }
        self.held.clear();
    }

    /// One event is to be delivered at once, enabled or not.
    fn ask(&mut self, position: u64, now: DateTime<Utc>) {
        if self.retries.len() < self.config.max_retries * ASKED {
            self.put_retry(position, 0, now, true, String::new());
        } else {
            tracing::warn!(webhook = %self.id, position, "not sent: too many deliveries wait");
        }
    }
}
