//! Sweeps: what must be looked at every so often, by one node at a time.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::EffectError;
use crate::ports::Checkpoints;

/// Something to look at every so often: due timers, elapsed metering intervals, runtimes that died.
#[async_trait]
pub trait Sweep: Send + Sync + 'static {
    /// Stable name, of its lease too.
    fn name(&self) -> &'static str;
    /// How long to wait between two looks.
    fn interval(&self) -> Duration;
    /// Looks, and does what is due. May be repeated, and may overlap with a run on a node that lost
    /// the lease: whatever it appends must be recognisable.
    async fn sweep(&self) -> Result<(), EffectError>;
}

/// Runs a sweep until cancelled, on whichever node holds its lease.
pub async fn run_sweep(
    sweep: Arc<dyn Sweep>,
    checkpoints: Arc<dyn Checkpoints>,
    holder: String,
    cancel: CancellationToken,
) {
    let name = format!("sweep/{}", sweep.name());
    let mut held = None;
    loop {
        let ttl = sweep.interval() * 3 + Duration::from_secs(5);
        match checkpoints.acquire(&name, &holder, ttl).await {
            Ok(Some(lease)) => {
                held = Some(lease);
                if let Err(error) = sweep.sweep().await {
                    tracing::warn!(sweep = sweep.name(), %error, "sweep failed; it will be tried again");
                    metrics::counter!("reef_sweep_failures_total", "sweep" => sweep.name()).increment(1);
                }
            }
            Ok(None) => held = None,
            Err(error) => tracing::warn!(sweep = sweep.name(), %error, "no lease"),
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(sweep.interval()) => {}
        }
    }
    if let Some(lease) = held
        && let Err(error) = checkpoints.release(&lease).await
    {
        tracing::debug!(sweep = sweep.name(), %error, "lease not released; it will lapse");
    }
}
