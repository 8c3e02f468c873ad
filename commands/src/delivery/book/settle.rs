//! What comes of a delivery.

use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::webhook::{DisableReason, WebhookForm};

use super::{Book, Held, Job, Origin};
use crate::{
    delivery::schedule::{self, Next},
    ports::{Attempt, DeliveryRetry, WebhookAnswer, WebhookFailure},
};

/// The wait after troubles of our own (the database, the vault).
const OURS: TimeDelta = TimeDelta::seconds(1);

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::delivery) enum Outcome {
    /// The receiver answered.
    Answered(WebhookAnswer),
    /// It did not.
    Failed(WebhookFailure),
    /// It cannot be sent any more, for this reason: its content was deleted.
    Dropped(String),
    /// We could not make it; not the receiver's fault.
    NotMade(String),
}

/// A try that is over.
#[derive(Debug)]
pub(in crate::delivery) struct Tried {
    pub(in crate::delivery) job: Job,
    pub(in crate::delivery) event_type: &'static str,
    pub(in crate::delivery) began: DateTime<Utc>,
    pub(in crate::delivery) took_ms: u64,
    pub(in crate::delivery) outcome: Outcome,
}

impl Outcome {
    pub(in crate::delivery) fn is_success(&self) -> bool {
        matches!(self, Self::Answered(answer) if (200..300).contains(&answer.status))
    }

    fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(answer) => Some(answer.status),
            Self::Failed(_) | Self::Dropped(_) | Self::NotMade(_) => None,
        }
    }

    /// In a few words.
    fn in_short(&self) -> String {
        match self {
            Self::Answered(answer) => format!("HTTP {}", answer.status),
            Self::Failed(failure) => failure.to_string(),
            Self::Dropped(reason) | Self::NotMade(reason) => reason.clone(),
        }
    }
}

impl Book {
    /// Takes what came of a delivery. The reason if the webhook is to be disabled for it.
    pub(in crate::delivery) fn settle(&mut self, tried: Tried, now: DateTime<Utc>) -> Option<DisableReason> {
        self.under_way -= 1;
        if tried.job.origin == Origin::Retry {
            self.trying.remove(&tried.job.position);
        }
        if self.is_gone() {
            return None;
        }
        if let Outcome::NotMade(_) = tried.outcome {
            self.put_back(tried.job, now);
            return None;
        }
        self.note(&tried);
        let disable = if tried.outcome.is_success() {
            self.fares_well();
            self.finish(&tried.job);
            None
        } else if let Outcome::Dropped(_) = tried.outcome {
            self.finish(&tried.job);
            None
        } else {
            self.failed(tried, now)
        };
        self.end_tracks();
        disable
    }

    fn put_back(&mut self, job: Job, now: DateTime<Utc>) {
        self.paused_until = self.paused_until.max(Some(now + OURS));
        match (job.origin, job.envelope) {
            (Origin::Track(track), Some(envelope)) if self.track(track).is_some() => {
                self.held.push_front(Held {
                    track,
                    envelope,
                    tries: job.tries,
                });
            }
            // A retry is still there; a track that is gone wants nothing.
            (Origin::Track(_) | Origin::Retry, _) => {}
        }
    }

    fn note(&mut self, tried: &Tried) {
        let (failure, answer) = match &tried.outcome {
            Outcome::Answered(answer) => (None, Some(answer.body.clone()).filter(|body| !body.is_empty())),
            Outcome::Failed(failure) => (Some(failure.to_string()), None),
            Outcome::Dropped(reason) | Outcome::NotMade(reason) => (Some(reason.clone()), None),
        };
        self.health.attempts += 1;
        self.dirt.health = true;
        let keep = usize::try_from(self.config.keep_attempts).unwrap_or(usize::MAX);
        while self.dirt.attempts.len() >= keep {
            self.dirt.attempts.pop_front();
        }
        self.dirt.attempts.push_back(Attempt {
            webhook_id: self.id.clone(),
            number: self.health.attempts,
            position: tried.job.position,
            event_type: tried.event_type.to_owned(),
            attempt: tried.job.tries + 1,
            at: tried.began,
            took_ms: tried.took_ms,
            status: tried.outcome.status(),
            failure,
            answer,
        });
    }

    pub(super) fn fares_well(&mut self) {
        self.health.failures_in_row = 0;
        self.health.failing_since = None;
        self.health.in_trouble = false;
        self.probes_in_vain = 0;
        self.probe_at = None;
        self.dirt.health = true;
    }

    /// The delivery is done with.
    fn finish(&mut self, job: &Job) {
        match job.origin {
            Origin::Retry => self.settle_retry(job.position),
            Origin::Track(started) => self.finish_position(started, job.position),
        }
    }

    fn finish_position(&mut self, started: u64, position: u64) {
        if let Some(track) = self.track(started) {
            track.finish(position);
            self.dirt.tracks.insert(started);
        }
    }

    pub(super) fn settle_retry(&mut self, position: u64) {
        self.retries.remove(&position);
        self.dirt.retries.remove(&position);
        self.dirt.settled.insert(position);
    }

    fn failed(&mut self, tried: Tried, now: DateTime<Utc>) -> Option<DisableReason> {
        let was_in_trouble = self.health.in_trouble;
        let gone = tried.outcome.status() == Some(410);
        let since = *self.health.failing_since.get_or_insert(tried.began);
        self.health.failures_in_row = self.health.failures_in_row.saturating_add(1);
        let asked = self.asked_to_wait(&tried.outcome, now);
        if let Some(asked) = asked {
            self.paused_until = self.paused_until.max(Some(now + asked));
        }
        self.keep(tried, asked, was_in_trouble, now);
        self.health.in_trouble |= self.health.failures_in_row >= self.config.trouble_after;
        if self.health.in_trouble {
            self.probes_in_vain = self.probes_in_vain.saturating_add(u32::from(was_in_trouble));
            let wait = schedule::probe(self.probes_in_vain, self.salt(), self.config.time_factor);
            self.probe_at = Some(now + wait);
        }
        let reason = if gone {
            Some(DisableReason::Gone)
        } else if self.health.failures_in_row > 1 && now - since >= self.config.disable_after {
            Some(DisableReason::Failing)
        } else {
            None
        };
        // Once: until that is decided nothing more is sent.
        let first = self.is_enabled();
        self.stopped |= reason.is_some();
        reason.filter(|_| first)
    }

    /// What the receiver asked us to wait, within bounds; only with 429 and 503.
    fn asked_to_wait(&self, outcome: &Outcome, now: DateTime<Utc>) -> Option<TimeDelta> {
        let Outcome::Answered(answer) = outcome else {
            return None;
        };
        let may_ask = matches!(answer.status, 429 | 503);
        let header = answer.retry_after.as_deref().filter(|_| may_ask);
        let wait = schedule::retry_after(header?, now)?;
        Some(wait.min(self.config.max_retry_after))
    }

    /// A failed delivery becomes a retry, is given up, or stays where it is.
    fn keep(&mut self, failed: Tried, asked: Option<TimeDelta>, was_in_trouble: bool, now: DateTime<Utc>) {
        let outcome = failed.outcome.in_short();
        let job = failed.job;
        let tries = job.tries + 1;
        let form = self.webhook.form;
        let salt = self.salt().wrapping_add(job.position);
        let stays = was_in_trouble && matches!(job.origin, Origin::Track(_));
        let wait = match schedule::next(form, tries, salt, self.config.time_factor) {
            Next::After(wait) => wait,
            // As long as nothing gets through it is the endpoint that fails, not this delivery.
            Next::Exhausted(wait) if stays || was_in_trouble && form == WebhookForm::Native => wait,
            Next::Exhausted(_) => {
                tracing::info!(webhook = %self.id, position = job.position, tries, %outcome, "delivery given up");
                metrics::counter!("reef_webhook_given_up_total").increment(1);
                return self.finish(&job);
            }
        };
        let due_at = now + asked.map_or(wait, |asked| asked.max(wait));
        let room = self.retries.len() < self.config.max_retries;
        match (job.origin, job.envelope) {
            (Origin::Track(track), Some(envelope)) if stays || !room => {
                if self.track(track).is_some() {
                    self.health.in_trouble = true;
                    self.held.push_back(Held {
                        track,
                        envelope,
                        tries,
                    });
                }
            }
            (Origin::Track(started), _) => {
                self.put_retry(job.position, tries, due_at, false, outcome);
                self.finish_position(started, job.position);
            }
            (Origin::Retry, _) => {
                // Deleted meanwhile, or asked for anew: then that holds.
                let known = self.retries.get(&job.position);
                if let Some(always) = known
                    .filter(|known| known.tries == job.tries)
                    .map(|known| known.always)
                {
                    self.put_retry(job.position, tries, due_at, always, outcome);
                }
            }
        }
    }

    pub(super) fn put_retry(
        &mut self,
        position: u64,
        tries: u32,
        due_at: DateTime<Utc>,
        always: bool,
        outcome: String,
    ) {
        self.dirt.settled.remove(&position);
        self.dirt.retries.insert(position);
        let retry = DeliveryRetry {
            webhook_id: self.id.clone(),
            position,
            tries,
            due_at,
            always,
            outcome,
        };
        self.retries.insert(position, retry);
    }

    /// Decorrelates the waits of different webhooks.
    fn salt(&self) -> u64 {
        let letters = self.id.as_str().bytes();
        letters.fold(0, |salt: u64, byte| {
            salt.wrapping_mul(31).wrapping_add(byte.into())
        })
    }
}
