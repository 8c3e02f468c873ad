//! Restarts: the processes of a running runtime begin anew and see what is in their environment then.

use reef_domain::{
    RuntimeId,
    runtime::{Health, Runtime, RuntimeCommand, RuntimeStatus},
};

use super::{
    Provisioning,
    runtimes::{PATIENCE, sync_environment, wait_until},
};
use crate::{
    Outcome,
    follower::{Cause, EffectError},
    ports::RuntimeObservation,
};

impl Provisioning {
    /// Has the runtime's processes restarted until they were seen running, or nobody wants it any more. What is seen
    /// and which values are in force from then on is one append.
    pub(super) async fn restart(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let clock = &self.0.bus.services().clock;
        let give_up = clock.now() + PATIENCE;
        while let Some((runtime, spec)) = self.wanted(id, RuntimeStatus::Running).await? {
            if !runtime.restarting {
                return Ok(());
            }
            let driver = self.0.driver(&runtime.provider)?;
            match driver.restart_gateway(&spec, &cause.token()).await {
                Ok(RuntimeObservation::Running { since, .. }) => {
                    return self.record_restart(id, since, cause).await;
                }
                Ok(
                    RuntimeObservation::Pending { .. }
                    | RuntimeObservation::Stopped { .. }
                    | RuntimeObservation::Absent
                    | RuntimeObservation::Failed { .. },
                ) => tracing::info!(runtime = %id, "its processes are not up yet"),
                Err(error) => tracing::info!(runtime = %id, %error, "not restarted yet"),
            }
            if let Err(error) = wait_until(clock.now() >= give_up, "the runtime is not restarted").await {
                let report = RuntimeCommand::ReportHealth {
                    health: Health::Degraded,
                };
                let request = cause.request("degraded");
                self.0.bus.decide::<Runtime>(id, report, &request).await?;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn record_restart(
        &self,
        id: &RuntimeId,
        since: chrono::DateTime<chrono::Utc>,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let request = cause.request("restarted");
        let recorded = self.0.bus.transact(&request, |unit| {
            let id = id.clone();
            Box::pin(async move {
                let report = RuntimeCommand::ReportRestarted { since };
                if unit.decide::<Runtime>(&id, report).await? > 0 {
                    sync_environment(unit, &id).await?;
                }
                Ok(Outcome::of::<Runtime>(&id))
            })
        });
        recorded.await?;
        Ok(())
    }
}
