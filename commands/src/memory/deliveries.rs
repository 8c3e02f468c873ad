//! Where deliveries of webhooks are, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::WebhookId;

use super::{MemoryStore, State};
use crate::ports::{
    Attempt, AttemptQuery, Deliveries, DeliveryId, DeliveryRetry, DeliveryTrack, KeptDeliveries, LaneHealth,
    Lease, LogError, SavedDeliveries, Standing, WEBHOOK_CHANGES, WEBHOOK_DISPATCHER,
};

type Key = (String, u64);

#[derive(Default)]
pub(super) struct Kept {
    tracks: BTreeMap<Key, DeliveryTrack>,
    health: BTreeMap<String, LaneHealth>,
    retries: BTreeMap<Key, DeliveryRetry>,
    attempts: BTreeMap<Key, Attempt>,
}

fn key(webhook: &WebhookId, number: u64) -> Key {
    (webhook.to_string(), number)
}

impl Kept {
    fn forget(&mut self, webhook: &WebhookId) {
        self.tracks.retain(|(of, _), _| *of != webhook.as_str());
        self.retries.retain(|(of, _), _| *of != webhook.as_str());
        self.attempts.retain(|(of, _), _| *of != webhook.as_str());
        self.health.remove(webhook.as_str());
    }

    fn take(&mut self, saved: &SavedDeliveries) {
        for webhook in &saved.gone {
            self.forget(webhook);
        }
        for (webhook, started) in &saved.ended {
            self.tracks.remove(&key(webhook, *started));
        }
        for (webhook, position) in &saved.settled {
            self.retries.remove(&key(webhook, *position));
        }
        let tracks = saved.tracks.iter().cloned();
        self.tracks
            .extend(tracks.map(|track| (key(&track.webhook_id, track.started), track)));
        let health = saved.health.iter().cloned();
        self.health
            .extend(health.map(|health| (health.webhook_id.to_string(), health)));
        let retries = saved.retries.iter().cloned();
        self.retries
            .extend(retries.map(|retry| (key(&retry.webhook_id, retry.position), retry)));
    }

    fn standing(&self, webhook: &WebhookId, checkpoint: u64, head: u64) -> Standing {
        let tracks = self.tracks.values().filter(|track| track.webhook_id == *webhook);
        let retries = self.retries.values().filter(|retry| retry.webhook_id == *webhook);
        let health = self.health.get(webhook.as_str());
        Standing::of(tracks, retries, health, checkpoint, head)
    }
}

fn checkpoint(state: &State, name: &str) -> u64 {
    state.checkpoints.get(name).copied().unwrap_or(0)
}

#[async_trait]
impl Deliveries for MemoryStore {
    async fn load(&self) -> Result<KeptDeliveries, LogError> {
        let state = self.state.lock();
        let kept = &state.deliveries;
        Ok(KeptDeliveries {
            checkpoint: checkpoint(&state, WEBHOOK_DISPATCHER),
            changes: checkpoint(&state, WEBHOOK_CHANGES),
            tracks: kept.tracks.values().cloned().collect(),
            health: kept.health.values().cloned().collect(),
            retries: kept.retries.values().cloned().collect(),
        })
    }

    async fn save(&self, lease: &Lease, saved: &SavedDeliveries) -> Result<(), LogError> {
        let mut state = self.state.lock();
        let held = state.leases.get(&lease.name);
        if held.is_none_or(|(holder, fence, _)| *fence != lease.fence || holder.is_empty()) {
            return Err(LogError::Fenced);
        }
        state.deliveries.take(saved);
        state
            .checkpoints
            .insert(WEBHOOK_DISPATCHER.to_owned(), saved.checkpoint);
        state
            .checkpoints
            .insert(WEBHOOK_CHANGES.to_owned(), saved.changes);
        Ok(())
    }

    async fn note_attempts(&self, attempts: &[Attempt], keep: u64) -> Result<(), LogError> {
        let known = &mut self.state.lock().deliveries.attempts;
        for attempt in attempts {
            known.insert(key(&attempt.webhook_id, attempt.number), attempt.clone());
        }
        for attempt in attempts {
            let oldest = (attempt.number + 1).saturating_sub(keep);
            let of = attempt.webhook_id.as_str();
            known.retain(|(webhook, number), _| *webhook != *of || *number >= oldest);
        }
        Ok(())
    }

    async fn forget_attempts(&self, before: DateTime<Utc>) -> Result<u64, LogError> {
        let known = &mut self.state.lock().deliveries.attempts;
        let had = known.len();
        known.retain(|_, attempt| attempt.at >= before);
        Ok((had - known.len()) as u64)
    }

    async fn attempts(&self, webhook: &WebhookId, query: &AttemptQuery) -> Result<Vec<Attempt>, LogError> {
        let state = self.state.lock();
        let newest_first = state.deliveries.attempts.values().rev();
        let wanted = newest_first.filter(|attempt| {
            attempt.webhook_id == *webhook
                && query.before.is_none_or(|before| attempt.number < before)
                && query.position.is_none_or(|position| attempt.position == position)
        });
        Ok(wanted.take(query.limit as usize).cloned().collect())
    }

    async fn standing(&self, webhook: &WebhookId) -> Result<Standing, LogError> {
        let state = self.state.lock();
        let at = checkpoint(&state, WEBHOOK_DISPATCHER);
        Ok(state.deliveries.standing(webhook, at, state.events.len() as u64))
    }

    async fn retry(&self, delivery: &DeliveryId) -> Result<Option<DeliveryRetry>, LogError> {
        let state = self.state.lock();
        let key = key(&delivery.webhook_id, delivery.position);
        Ok(state.deliveries.retries.get(&key).cloned())
    }
}
