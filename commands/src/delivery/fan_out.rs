//! Hands what the dispatcher reads to the lanes of the webhooks that want it.
//!
//! Locks are taken in this order: the fan-out, then a book. Nothing is awaited under them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reef_domain::{
    AccountId, AnyEvent, Envelope, WebhookId,
    webhook::{Webhook, WebhookEvent},
};
use tokio::sync::Notify;

use super::{DispatchConfig, book::Book};
use crate::ports::{Attempt, KeptDeliveries, SavedDeliveries};

/// One webhook's way: its book, and what wakes who works on it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: WebhookId,
    pub(super) book: Mutex<Book>,
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
struct Lanes {
    all: HashMap<WebhookId, Arc<Lane>>,
    by_account: HashMap<AccountId, Vec<Arc<Lane>>>,
    gone: Vec<WebhookId>,
    /// Those that nobody works on yet.
    new: Vec<Arc<Lane>>,
}

impl Lanes {
    fn add(&mut self, account: &AccountId, book: Book) -> Arc<Lane> {
        let lane = Arc::new(Lane {
            id: book.id.clone(),
            book: Mutex::new(book),
            wake: Notify::new(),
        });
        self.all.insert(lane.id.clone(), Arc::clone(&lane));
        self.by_account
            .entry(account.clone())
            .or_default()
            .push(Arc::clone(&lane));
        self.new.push(Arc::clone(&lane));
        lane
    }

    fn remove(&mut self, lane: &Arc<Lane>, account: &AccountId) {
        self.all.remove(&lane.id);
        if let Some(others) = self.by_account.get_mut(account) {
            others.retain(|other| other.id != lane.id);
            if others.is_empty() {
                self.by_account.remove(account);
            }
        }
        self.gone.push(lane.id.clone());
    }
}

/// What was collected to be kept.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) saved: SavedDeliveries,
    pub(super) attempts: Vec<Attempt>,
}

/// All lanes, and how far the log was read for them.
#[derive(Debug)]
pub(super) struct FanOut {
    config: Arc<DispatchConfig>,
    /// Events of webhooks up to here were acted on before.
    acted_on: u64,
    read_to: AtomicU64,
    lanes: Mutex<Lanes>,
}

impl FanOut {
    /// With the webhooks there are, each with the sequence of its last event, and what was kept of them.
    pub(super) fn new(
        webhooks: Vec<(WebhookId, Arc<Webhook>, u64)>,
        mut kept: KeptDeliveries,
        config: Arc<DispatchConfig>,
    ) -> Self {
        let mut lanes = Lanes::default();
        for (id, webhook, sequence) in webhooks {
            let Some(account) = webhook.account_id.clone() else {
                continue;
            };
            let mut book = Book::new(id, webhook, sequence, Arc::clone(&config));
            book.remember(&mut kept);
            lanes.add(&account, book);
        }
        Self {
            config,
            acted_on: kept.changes,
            read_to: AtomicU64::new(kept.checkpoint),
            lanes: Mutex::new(lanes),
        }
    }

    /// How far the log was read.
    pub(super) fn read_to(&self) -> u64 {
        self.read_to.load(Ordering::Acquire)
    }

    /// Lanes that nobody works on yet.
    pub(super) fn new_lanes(&self) -> Vec<Arc<Lane>> {
        std::mem::take(&mut self.lanes.lock().new)
    }

    /// Takes the next events of the log.
    pub(super) fn take(&self, events: &[Arc<Envelope>], now: DateTime<Utc>) {
        let Some(last) = events.last() else { return };
        let mut lanes = self.lanes.lock();
        let mut to_wake = Vec::new();
        for envelope in events {
            if let AnyEvent::Webhook(event) = &envelope.event {
                to_wake.extend(self.change(&mut lanes, event, envelope, now));
            }
            let Some(account) = &envelope.account_id else {
                continue;
            };
            for lane in lanes.by_account.get(account).into_iter().flatten() {
                let mut book = lane.book.lock();
                if !wants(&lane.id, &book.webhook, envelope) {
                    continue;
                }
                if book.hand(envelope) {
                    drop(book);
                    lane.wake.notify_one();
                } else if to_wake.last().is_none_or(|last: &Arc<Lane>| last.id != lane.id) {
                    // It reads by itself, and may read on.
                    to_wake.push(Arc::clone(lane));
                }
            }
        }
        self.read_to.store(last.position, Ordering::Release);
        for lane in to_wake {
            lane.wake.notify_one();
        }
    }

    /// Follows an event of a webhook; its lane, to be woken.
    fn change(
        &self,
        lanes: &mut Lanes,
        event: &WebhookEvent,
        envelope: &Envelope,
        now: DateTime<Utc>,
    ) -> Option<Arc<Lane>> {
        let id = WebhookId::from(&*envelope.aggregate_id);
        let account = envelope.account_id.as_ref()?;
        let known = lanes.all.get(&id).map(Arc::clone);
        let lane = match (known, event) {
            (Some(lane), _) => lane,
            (None, WebhookEvent::Created { .. }) => {
                let book = Book::new(id, Arc::default(), 0, Arc::clone(&self.config));
                lanes.add(account, book)
            }
            // Deleted by now.
            (None, _) => return None,
        };
        let mut book = lane.book.lock();
        book.change(event, envelope, envelope.position > self.acted_on, now);
        let gone = book.is_gone();
        drop(book);
        if gone {
            lanes.remove(&lane, account);
        }
        Some(lane)
    }

    /// Takes the lane's track along from now on, if it has caught up.
    pub(super) fn take_along(&self, lane: &Lane, track: u64) {
        let _lanes = self.lanes.lock();
        lane.book.lock().take_along(track, self.read_to());
    }

    /// Everything that changed since the last time.
    pub(super) fn collect(&self) -> Collected {
        let mut lanes = self.lanes.lock();
        let read_to = self.read_to();
        let mut collected = Collected::default();
        let mut checkpoint = read_to;
        let (mut waiting, mut troubled, mut behind, mut lag) = (0, 0_u32, 0_u32, 0);
        for lane in lanes.all.values() {
            let mut book = lane.book.lock();
            let open = book.collect(read_to, &mut collected.saved, &mut collected.attempts);
            checkpoint = open.map_or(checkpoint, |open| checkpoint.min(open - 1));
            let gauges = book.gauges();
            waiting += gauges.0;
            troubled += u32::from(gauges.1);
            behind += u32::from(gauges.2);
            lag = book.lag(read_to).max(lag);
        }
        collected.saved.gone = std::mem::take(&mut lanes.gone);
        collected.saved.checkpoint = checkpoint;
        collected.saved.changes = read_to.max(self.acted_on);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            metrics::gauge!("reef_webhook_retries_waiting").set(waiting as f64);
            metrics::gauge!("reef_webhooks_in_trouble").set(troubled);
            metrics::gauge!("reef_webhooks_behind").set(behind);
            metrics::gauge!("reef_webhook_lag_positions").set(lag as f64);
        }
        collected
    }
}

/// Whether the event is delivered as the log goes on. The webhook's own tests are sent because they are asked for.
pub(super) fn wants(id: &WebhookId, webhook: &Webhook, envelope: &Envelope) -> bool {
    let test = matches!(&envelope.event, AnyEvent::Webhook(WebhookEvent::Tested { .. }));
    let own = *envelope.aggregate_id == *id.as_str();
    !(test && own) && webhook.subscribes_to(envelope)
}
