//! Reconciliation: what is believed to run, or to be gone, is looked at: at start and every so often.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use parking_lot::Mutex;
use reef_domain::{
    RuntimeId,
    ledger::Ledger,
    runtime::{Health, Runtime, RuntimeCommand, RuntimeStatus},
};
use reef_projections::Filter;

use super::{Context, spec_of};
use crate::{
    Caller, CommandError, Request,
    follower::{EffectError, Sweep},
    machine::is_own_machine,
    ports::{EffectToken, RuntimeObservation, RuntimeSpec},
};

/// Runtimes looked at side by side.
const SIDE_BY_SIDE: usize = 16;
/// How long a provider may take to say what a runtime does.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks at every runtime that is believed to run, and at those given up.
pub struct Reconcile {
    context: Context,
    /// When this process last saw each runtime running.
    seen: Mutex<HashMap<RuntimeId, DateTime<Utc>>>,
}

impl Reconcile {
    /// The sweep.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            seen: Mutex::default(),
        }
    }

    /// Looks at one runtime, and records what is otherwise than believed.
    pub async fn look(&self, id: &RuntimeId) -> Result<(), EffectError> {
        let Some(runtime) = self.context.runtime(id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime) else {
            return Ok(());
        };
        let driver = self.context.driver(&runtime.provider)?;
        let observed = tokio::time::timeout(PATIENCE, driver.observe(&spec)).await;
        // Not knowing is no observation.
        let observed = observed.ok().and_then(Result::ok);
        match runtime.status {
            RuntimeStatus::Running => self.compare(id, &runtime, observed).await,
            RuntimeStatus::Failed => self.stop_orphan(id, &runtime, &spec, observed).await,
            RuntimeStatus::Provisioning
            | RuntimeStatus::Starting
            | RuntimeStatus::Stopping
            | RuntimeStatus::Stopped
            | RuntimeStatus::Destroying
            | RuntimeStatus::Destroyed => Ok(()),
        }
    }

    /// Records what is otherwise than believed.
    async fn compare(
        &self,
        id: &RuntimeId,
        runtime: &Runtime,
        observed: Option<RuntimeObservation>,
    ) -> Result<(), EffectError> {
        let report = match observed {
            Some(RuntimeObservation::Running { .. } | RuntimeObservation::Pending { .. }) => {
                self.seen
                    .lock()
                    .insert(id.clone(), self.context.bus.services().clock.now());
                if runtime.health != Health::Unreachable {
                    return Ok(());
                }
                RuntimeCommand::ReportHealth {
                    health: Health::Healthy,
                }
            }
            None => RuntimeCommand::ReportHealth {
                health: Health::Unreachable,
            },
            // People close their machines: that is no failure, and costs nothing.
            Some(RuntimeObservation::Stopped { .. }) if is_own_machine(runtime) => {
                RuntimeCommand::ReportStopped {
                    ran_until: self.context.bus.services().clock.now(),
                }
            }
            Some(RuntimeObservation::Stopped { .. }) => {
                let reason = "it was stopped by somebody else, or died";
                self.died(id, runtime, "stopped_outside", reason).await?
            }
            Some(RuntimeObservation::Absent) => {
                let reason = "its provider no longer has it";
                self.died(id, runtime, "absent", reason).await?
            }
            Some(RuntimeObservation::Failed { reason }) => {
                self.died(id, runtime, "provider_failed", &reason).await?
            }
        };
        let request = Request::new(Caller::system(self.name()), format!("reconcile/{id}"));
        match self.context.bus.decide::<Runtime>(id, report, &request).await {
            Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// It is charged until it was last seen; what died while nobody looked is charged no further than it is.
    async fn died(
        &self,
        id: &RuntimeId,
        runtime: &Runtime,
        code: &str,
        reason: &str,
    ) -> Result<RuntimeCommand, CommandError> {
        let last_seen = self.seen.lock().remove(id);
        let charged = self.charged_until(id, runtime).await?;
        Ok(RuntimeCommand::ReportFailed {
            code: code.to_owned(),
            reason: reason.to_owned(),
            ran_until: last_seen.max(charged),
        })
    }

    /// Until when the present run is charged: so long it was seen running by whoever charges.
    async fn charged_until(
        &self,
        id: &RuntimeId,
        runtime: &Runtime,
    ) -> Result<Option<DateTime<Utc>>, CommandError> {
        let (Some(since), Some(account)) = (runtime.running_since, &runtime.account_id) else {
            return Ok(runtime.running_since);
        };
        let ledger = self.context.bus.state::<Ledger>(account).await?;
        let meter = ledger.and_then(|ledger| ledger.meters.get(id).copied());
        let charged_ms = meter
            .filter(|meter| meter.run == u64::from(runtime.run))
            .and_then(|meter| i64::try_from(meter.charged_ms).ok());
        let charged = charged_ms
            .and_then(TimeDelta::try_milliseconds)
            .unwrap_or_default();
        Ok(Some(since + charged))
    }

    /// What was given up and came up all the same runs unseen and unpaid.
    async fn stop_orphan(
        &self,
        id: &RuntimeId,
        runtime: &Runtime,
        spec: &RuntimeSpec,
        observed: Option<RuntimeObservation>,
    ) -> Result<(), EffectError> {
        if let Some(RuntimeObservation::Running { .. } | RuntimeObservation::Pending { .. }) = observed {
            tracing::warn!(runtime = %id, "a failed runtime runs; it is stopped");
            let token = EffectToken(format!("orphan-{id}-{}", runtime.run));
            self.context.driver(&runtime.provider)?.stop(spec, &token).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Sweep for Reconcile {
    fn name(&self) -> &'static str {
        "reconcile"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn sweep(&self) -> Result<(), EffectError> {
        let mut ids = self
            .context
            .ids("runtimes", vec![Filter::Status("running".to_owned())])
            .await?;
        ids.extend(
            self.context
                .ids("runtimes", vec![Filter::Status("failed".to_owned())])
                .await?,
        );
        let looks = stream::iter(ids).map(|id| async move {
            if let Err(error) = self.look(&RuntimeId::from(id.as_str())).await {
                tracing::warn!(runtime = id, %error, "could not be looked at");
            }
        });
        looks.buffer_unordered(SIDE_BY_SIDE).collect::<()>().await;
        Ok(())
    }
}
