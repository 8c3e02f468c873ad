//! Keeps where deliveries are: many in one transaction, every so often.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{DispatchConfig, fan_out::FanOut};
use crate::ports::{Clock, Deliveries, Lease, LogError, SavedDeliveries};

/// How often is kept how far the log was read when nothing was delivered.
const IDLE: Duration = Duration::from_secs(1);
/// How often old tries are looked for.
const FORGET: Duration = Duration::from_hours(1);
/// Tries of one save before the dispatcher starts over, and the wait between them.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Keeps what the lanes have done.
pub(super) struct Keeper {
    pub(super) fan_out: Arc<FanOut>,
    pub(super) deliveries: Arc<dyn Deliveries>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lease: Lease,
    pub(super) config: Arc<DispatchConfig>,
}

impl Keeper {
    /// Until cancelled, or until the lease is lost or the database stays away.
    pub(super) async fn run(&self, cancel: CancellationToken) -> Result<(), LogError> {
        let mut save = tokio::time::interval(self.config.save_every);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut forget = tokio::time::interval_at(Instant::now() + FORGET, FORGET);
        let mut idle_since = Instant::now();
        let mut kept = (0, 0);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                _ = save.tick() => self.save(&mut kept, &mut idle_since).await?,
                _ = forget.tick() => self.forget().await,
            }
        }
    }

    async fn save(&self, kept: &mut (u64, u64), idle_since: &mut Instant) -> Result<(), LogError> {
        let collected = self.fan_out.collect();
        let at = (collected.saved.checkpoint, collected.saved.changes);
        let idle = is_idle(&collected.saved);
        if idle && (at == *kept || idle_since.elapsed() < IDLE) {
            return Ok(());
        }
        self.keep(&collected.saved).await?;
        *kept = at;
        *idle_since = Instant::now();
        let noted = self
            .deliveries
            .note_attempts(&collected.attempts, self.config.keep_attempts);
        if let Err(error) = noted.await {
            tracing::warn!(%error, "tries of webhooks were not noted");
        }
        Ok(())
    }

    /// Keeps everything there is to keep, now.
    pub(super) async fn save_all(&self) -> Result<(), LogError> {
        let long_ago = Instant::now().checked_sub(IDLE).unwrap_or_else(Instant::now);
        self.save(&mut (u64::MAX, u64::MAX), &mut { long_ago }).await
    }

    async fn keep(&self, saved: &SavedDeliveries) -> Result<(), LogError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.deliveries.save(&self.lease, saved).await {
                Err(LogError::Unavailable { reason, .. }) if tries < TRIES => {
                    tracing::warn!(%reason, tries, "where webhooks are was not kept");
                    tokio::time::sleep(PAUSE * tries).await;
                }
                done => return done,
            }
        }
    }

    async fn forget(&self) {
        let before = self.clock.now() - self.config.keep_attempts_for;
        if let Err(error) = self.deliveries.forget_attempts(before).await {
            tracing::warn!(%error, "old tries of webhooks were not forgotten");
        }
    }
}

fn is_idle(saved: &SavedDeliveries) -> bool {
    saved.tracks.is_empty()
        && saved.ended.is_empty()
        && saved.health.is_empty()
        && saved.settled.is_empty()
        && saved.retries.is_empty()
        && saved.gone.is_empty()
}
