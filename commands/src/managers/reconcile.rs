//! Reconciliation: what is believed to run is looked at, at start and every so often.

use std::time::Duration;

use async_trait::async_trait;
use reef_domain::{
    RuntimeId,
    runtime::{Runtime, RuntimeCommand, RuntimeStatus},
};
use reef_projections::Filter;

use super::{Context, spec_of};
use crate::{
    Caller, CommandError, Request,
    follower::{EffectError, Sweep},
    ports::{DriverError, RuntimeObservation},
};

/// Looks at every runtime that is believed to run.
pub struct Reconcile(Context);

impl Reconcile {
    /// The sweep.
    pub fn new(context: Context) -> Self {
        Self(context)
    }

    async fn look(&self, id: &RuntimeId) -> Result<(), EffectError> {
        let Some(runtime) = self.0.runtime(id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == RuntimeStatus::Running) else {
            return Ok(());
        };
        let now = self.0.bus.services().clock.now();
        let failed = |code: &str, reason: String| RuntimeCommand::ReportFailed {
            code: code.to_owned(),
            reason,
            ran_until: Some(now),
        };
        let report = match self.0.driver(&runtime.provider)?.observe(&spec).await {
            Ok(RuntimeObservation::Running { .. } | RuntimeObservation::Pending { .. }) => return Ok(()),
            Ok(RuntimeObservation::Stopped { .. }) => failed(
                "stopped_outside",
                "it was stopped by somebody else, or died".to_owned(),
            ),
            Ok(RuntimeObservation::Absent) => failed("absent", "its provider no longer has it".to_owned()),
            Ok(RuntimeObservation::Failed { reason }) | Err(DriverError::Permanent(reason)) => {
                failed("provider_failed", reason)
            }
            // Not knowing is no observation.
            Err(DriverError::Transient(reason)) => return Err(EffectError::Transient(reason)),
        };
        let request = Request::new(Caller::system(self.name()), format!("reconcile/{id}"));
        match self.0.bus.decide::<Runtime>(id, report, &request).await {
            Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
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
        for id in self
            .0
            .ids("runtimes", vec![Filter::Status("running".to_owned())])
            .await?
        {
            if let Err(error) = self.look(&RuntimeId::from(id.as_str())).await {
                tracing::warn!(runtime = id, %error, "could not be looked at");
            }
        }
        Ok(())
    }
}
