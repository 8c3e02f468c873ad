//! Where deliveries of webhooks are: cursors over the log, retries that are due, and what came of the tries.
//! Bounded stores, neither events nor views. Bodies are not kept: they are made from the log when they are sent.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::WebhookId;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Lease, LogError};

/// Name of the dispatcher's lease and of its checkpoint.
pub const WEBHOOK_DISPATCHER: &str = "webhooks";
/// Name of the checkpoint up to which the dispatcher has acted on events of webhooks.
pub const WEBHOOK_CHANGES: &str = "webhooks/changes";

/// One event for one webhook, `dlv_<webhook id>_<position>`: the same at every try, replay and resend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveryId {
    /// To which webhook.
    pub webhook_id: WebhookId,
    /// Of which event.
    pub position: u64,
}

/// A stretch of the log that is delivered to a webhook: what is new since it was enabled, or a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryTrack {
    /// To which webhook.
    pub webhook_id: WebhookId,
    /// Position of the event that began it; names it within the webhook.
    pub started: u64,
    /// Everything up to here was delivered, has a retry, or was given up.
    pub cursor: u64,
    /// Its last position; `None`: it follows the log. A webhook that is disabled keeps one track, which says
    /// where it was then.
    pub until: Option<u64>,
    /// Whether it goes its own way. If not, it is at least where the dispatcher's checkpoint is.
    pub behind: bool,
}

/// How a webhook's deliveries fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneHealth {
    /// Which webhook.
    pub webhook_id: WebhookId,
    /// Tries so far, of all deliveries; numbers them.
    pub attempts: u64,
    /// Failed tries since the last success.
    pub failures_in_row: u32,
    /// When the first of those was.
    pub failing_since: Option<DateTime<Utc>>,
    /// Whether it is in trouble: new deliveries wait at the cursor, and one is tried every so often.
    pub in_trouble: bool,
}

/// A delivery that is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRetry {
    /// To which webhook.
    pub webhook_id: WebhookId,
    /// Of which event.
    pub position: u64,
    /// Tries so far; 0: it was asked for (a test, a resend) and not yet tried.
    pub tries: u32,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// Whether it is sent although the webhook is disabled.
    pub always: bool,
    /// What came of the last try; empty: none yet.
    pub outcome: String,
}

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Attempt {
    /// To which webhook.
    #[serde(skip)]
    pub webhook_id: WebhookId,
    /// Number among the webhook's tries, from 1.
    pub number: u64,
    /// Position of the event.
    pub position: u64,
    /// Its type, as stored.
    pub event_type: String,
    /// Number among the delivery's tries, from 1.
    pub attempt: u32,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// The receiver's HTTP status; `None`: there was no answer.
    pub status: Option<u16>,
    /// Why there was no answer, or why it was not sent; `None`: there was one.
    pub failure: Option<String>,
    /// The beginning of the answer's body, about 1 KiB at most.
    pub answer: Option<String>,
}

/// Which tries to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptQuery {
    /// Only of this event.
    pub position: Option<u64>,
    /// Only those with a lower number: the last number of the page before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// Where a webhook's deliveries are, for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Standing {
    /// Everything up to here was delivered, waits to be tried again, or was given up. `None`: it never began.
    pub cursor: Option<u64>,
    /// Positions between that and the end of the log; 0 where it does not follow the log.
    pub lag: u64,
    /// Stretches that are being replayed.
    pub replays: u32,
    /// Deliveries that are to be tried again.
    pub waiting: u32,
    /// When the first of those is due.
    pub next_retry_at: Option<DateTime<Utc>>,
    /// Whether new deliveries wait because none gets through.
    pub in_trouble: bool,
    /// Failed tries since the last success.
    pub failures_in_row: u32,
    /// When the first of those was.
    pub failing_since: Option<DateTime<Utc>>,
}

/// Everything a dispatcher goes on with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptDeliveries {
    /// What tracks that are not behind have done at least.
    pub checkpoint: u64,
    /// Events of webhooks up to here have been acted on.
    pub changes: u64,
    /// Every track.
    pub tracks: Vec<DeliveryTrack>,
    /// Every webhook that was ever tried.
    pub health: Vec<LaneHealth>,
    /// Every delivery that is to be tried again.
    pub retries: Vec<DeliveryRetry>,
}

/// What a dispatcher has done since it saved last: stored all together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedDeliveries {
    /// As in [`KeptDeliveries`].
    pub checkpoint: u64,
    /// As in [`KeptDeliveries`].
    pub changes: u64,
    /// Webhooks that are gone, with everything that is kept of them. Done before the rest.
    pub gone: Vec<WebhookId>,
    /// Tracks that are over.
    pub ended: Vec<(WebhookId, u64)>,
    /// Tracks that are new or moved.
    pub tracks: Vec<DeliveryTrack>,
    /// What changed of webhooks' health.
    pub health: Vec<LaneHealth>,
    /// Retries that are over.
    pub settled: Vec<(WebhookId, u64)>,
    /// Retries that are new or changed.
    pub retries: Vec<DeliveryRetry>,
}

/// Keeps where deliveries are, for all server processes; one dispatcher at a time writes, under its lease.
#[async_trait]
pub trait Deliveries: Send + Sync + 'static {
    /// Everything there is to go on with.
    async fn load(&self) -> Result<KeptDeliveries, LogError>;

    /// Stores it in one transaction; [`LogError::Fenced`] if the lease, of [`WEBHOOK_DISPATCHER`], is no
    /// longer held.
    async fn save(&self, lease: &Lease, saved: &SavedDeliveries) -> Result<(), LogError>;

    /// Adds tries, and drops those of the same webhooks whose number is `keep` or more below the newest.
    async fn note_attempts(&self, attempts: &[Attempt], keep: u64) -> Result<(), LogError>;

    /// Drops tries before that time; how many.
    async fn forget_attempts(&self, before: DateTime<Utc>) -> Result<u64, LogError>;

    /// The webhook's tries, newest first.
    async fn attempts(&self, webhook: &WebhookId, query: &AttemptQuery) -> Result<Vec<Attempt>, LogError>;

    /// Where the webhook's deliveries are.
    async fn standing(&self, webhook: &WebhookId) -> Result<Standing, LogError>;

    /// That delivery, if it is to be tried again.
    async fn retry(&self, delivery: &DeliveryId) -> Result<Option<DeliveryRetry>, LogError>;
}

impl Standing {
    /// From what is kept of the webhook; `checkpoint` is the dispatcher's, `head` the end of the log.
    pub fn of<'a>(
        tracks: impl IntoIterator<Item = &'a DeliveryTrack>,
        retries: impl IntoIterator<Item = &'a DeliveryRetry>,
        health: Option<&LaneHealth>,
        checkpoint: u64,
        head: u64,
    ) -> Self {
        let mut closed = None;
        let mut standing = Self {
            cursor: None,
            lag: 0,
            replays: 0,
            waiting: 0,
            next_retry_at: None,
            in_trouble: health.is_some_and(|health| health.in_trouble),
            failures_in_row: health.map_or(0, |health| health.failures_in_row),
            failing_since: health.and_then(|health| health.failing_since),
        };
        for track in tracks {
            let cursor = track.reached(checkpoint);
            if track.until.is_none() {
                standing.cursor = Some(cursor);
                standing.lag = head.saturating_sub(cursor);
            } else {
                standing.replays += 1;
                closed = closed.max(Some(cursor));
            }
        }
        if standing.cursor.is_none() {
            // It is disabled: all there is is where it was then.
            standing.cursor = closed;
            standing.replays = 0;
        }
        for retry in retries {
            standing.waiting += 1;
            let due = standing
                .next_retry_at
                .map_or(retry.due_at, |due| due.min(retry.due_at));
            standing.next_retry_at = Some(due);
        }
        standing
    }
}

impl DeliveryTrack {
    /// Everything up to here was delivered, has a retry, or was given up.
    pub fn reached(&self, checkpoint: u64) -> u64 {
        if self.behind {
            self.cursor
        } else {
            self.cursor.max(checkpoint)
        }
    }
}

/// Not the id of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a delivery")]
pub struct NotADelivery;

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dlv_{}_{}", self.webhook_id, self.position)
    }
}

impl FromStr for DeliveryId {
    type Err = NotADelivery;

    fn from_str(text: &str) -> Result<Self, NotADelivery> {
        let (webhook, position) = text
            .strip_prefix("dlv_")
            .and_then(|rest| rest.rsplit_once('_'))
            .ok_or(NotADelivery)?;
        let plain = !webhook.is_empty() && position.bytes().all(|byte| byte.is_ascii_digit());
        let position = position.parse().map_err(|_| NotADelivery)?;
        plain
            .then(|| Self {
                webhook_id: WebhookId::from(webhook.to_owned()),
                position,
            })
            .ok_or(NotADelivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_deliveries_are_read_as_they_are_written() {
        let id = DeliveryId {
            webhook_id: WebhookId::from("wh_1_a".to_owned()),
            position: 17,
        };
        assert_eq!(id.to_string(), "dlv_wh_1_a_17");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "dlv_",
            "dlv_7",
            "dlv__7",
            "dlv_wh_",
            "dlv_wh_+7",
            "msg_wh_7",
            "dlv_wh_99999999999999999999",
        ] {
            assert_eq!(bad.parse::<DeliveryId>(), Err(NotADelivery), "{bad}");
        }
    }
}
