//! Runtimes, from the first request to the provider to the last.

use std::time::Duration;

use chrono::TimeDelta;
use reef_domain::{
    AccountId, JobId, RuntimeId,
    account::Account,
    provisioning_job::{ProvisioningJob, ProvisioningJobCommand as JobCommand},
    runtime::{Health, Runtime, RuntimeCommand, RuntimeStatus, Tenancy},
    secret::{OwnerKind, SecretOwner, Secrets, SecretsCommand},
};

use super::{Provisioning, late_is_fine};
use crate::{
    CommandError, Outcome, Unit,
    follower::{Cause, EffectError},
    managers::spec_of,
    ports::{DriverError, EffectToken, RuntimeObservation, RuntimeSpec},
    secret_lookup::{syncs_environment, syncs_secrets},
};

/// How often a provider is asked again.
const POLL: Duration = Duration::from_millis(500);
/// How long a provider may take to stop, remove or restart something before somebody has to look.
pub(super) const PATIENCE: TimeDelta = TimeDelta::minutes(15);

/// What became of a runtime that was to come up.
enum Ending {
    Up {
        provider_ref: String,
        public_ip: Option<String>,
        since: chrono::DateTime<chrono::Utc>,
    },
    Broken {
        code: &'static str,
        reason: String,
    },
}

impl Provisioning {
    /// The runtime and what drivers know it by, while it has that status.
    pub(super) async fn wanted(
        &self,
        id: &RuntimeId,
        status: RuntimeStatus,
    ) -> Result<Option<(Runtime, RuntimeSpec)>, CommandError> {
        let Some(runtime) = self.0.runtime(id).await? else {
            return Ok(None);
        };
        let spec = spec_of(&runtime).filter(|_| runtime.status == status);
        Ok(spec.map(|spec| (runtime, spec)))
    }

    /// Makes or starts a runtime and waits until it was seen running, or its deadline has passed.
    pub(super) async fn bring_up(
        &self,
        id: &RuntimeId,
        job: Option<&JobId>,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let expected = if job.is_some() {
            RuntimeStatus::Provisioning
        } else {
            RuntimeStatus::Starting
        };
        while let Some((runtime, spec)) = self.wanted(id, expected).await? {
            let now = self.0.bus.services().clock.now();
            let overdue = runtime.deadline.is_some_and(|deadline| deadline <= now);
            match self.ask(&runtime, &spec, job.is_some(), &cause.token()).await {
                Ok(RuntimeObservation::Running {
                    provider_ref,
                    public_ip,
                    since,
                }) => {
                    let up = Ending::Up {
                        provider_ref,
                        public_ip,
                        since,
                    };
                    return self.record(id, job, up, cause).await;
                }
                Ok(RuntimeObservation::Failed { reason }) | Err(DriverError::Permanent(reason)) => {
                    let broken = Ending::Broken {
                        code: "provider_failed",
                        reason,
                    };
                    return self.record(id, job, broken, cause).await;
                }
                late @ (Ok(_) | Err(DriverError::Transient(_))) if overdue => {
                    let mut reason = "it was not seen running before its deadline".to_owned();
                    if let Err(trouble) = late {
                        reason = format!("{reason}: {trouble}");
                    }
                    let broken = Ending::Broken {
                        code: "deadline_passed",
                        reason,
                    };
                    return self.record(id, job, broken, cause).await;
                }
                Ok(RuntimeObservation::Pending { provider_ref }) => {
                    self.note(&runtime, job, provider_ref, cause).await?;
                }
                Ok(RuntimeObservation::Stopped { .. } | RuntimeObservation::Absent) => {}
                Err(DriverError::Transient(reason)) => {
                    tracing::info!(runtime = %id, %reason, "the provider does not answer yet");
                }
            }
            tokio::time::sleep(POLL).await;
        }
        match job {
            Some(job) => self.close(id, job, cause).await,
            None => Ok(()),
        }
    }

    async fn ask(
        &self,
        runtime: &Runtime,
        spec: &RuntimeSpec,
        is_new: bool,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let driver = self
            .0
            .driver(&runtime.provider)
            .map_err(|error| DriverError::Permanent(error.to_string()))?;
        if is_new {
            driver.provision(spec, token).await
        } else {
            driver.start(spec, token).await
        }
    }

    /// Keeps what the provider calls the runtime as soon as that is known: a crash must not lose it.
    async fn note(
        &self,
        runtime: &Runtime,
        job: Option<&JobId>,
        provider_ref: String,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let Some(id) = runtime
            .runtime_id
            .clone()
            .filter(|_| runtime.provider_ref.as_ref() != Some(&provider_ref))
        else {
            return Ok(());
        };
        let seq = runtime.stage_seq + 1;
        let stage = "accepted";
        let advance = RuntimeCommand::Advance {
            seq,
            stage: stage.to_owned(),
            provider_ref: Some(provider_ref),
        };
        let (job, request) = (job.cloned(), cause.request("noted"));
        let noted = self.0.bus.transact(&request, |unit| {
            let (id, job, advance) = (id.clone(), job.clone(), advance.clone());
            Box::pin(async move {
                unit.decide::<Runtime>(&id, advance).await?;
                if let Some(job) = job {
                    unit.decide::<ProvisioningJob>(&job, JobCommand::Start).await?;
                    let stage = JobCommand::ReachStage {
                        seq,
                        stage: stage.to_owned(),
                    };
                    unit.decide::<ProvisioningJob>(&job, stage).await?;
                }
                Ok(Outcome::of::<Runtime>(&id))
            })
        });
        noted.await?;
        Ok(())
    }

    /// Records what became of a runtime, and of its job, in one append.
    async fn record(
        &self,
        id: &RuntimeId,
        job: Option<&JobId>,
        ending: Ending,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let (report, end) = match ending {
            Ending::Up {
                provider_ref,
                public_ip,
                since,
            } => (
                RuntimeCommand::ReportRunning {
                    provider_ref,
                    public_ip,
                    since,
                },
                JobCommand::Succeed,
            ),
            Ending::Broken { code, reason } => {
                let code = code.to_owned();
                let end = JobCommand::Fail {
                    code: code.clone(),
                    reason: reason.clone(),
                };
                (
                    RuntimeCommand::ReportFailed {
                        code,
                        reason,
                        ran_until: None,
                    },
                    end,
                )
            }
        };
        let (job, request) = (job.cloned(), cause.request("observed"));
        let recorded = self.0.bus.transact(&request, |unit| {
            let (id, job, report, end) = (id.clone(), job.clone(), report.clone(), end.clone());
            Box::pin(async move {
                let comes_up = matches!(report, RuntimeCommand::ReportRunning { .. });
                let is_news = unit.decide::<Runtime>(&id, report).await? > 0;
                if is_news && comes_up {
                    sync_secrets(unit, &id).await?;
                    sync_environment(unit, &id).await?;
                }
                if let Some(job) = job {
                    let end = if is_news { end } else { unwanted() };
                    unit.decide::<ProvisioningJob>(&job, JobCommand::Start).await?;
                    unit.decide::<ProvisioningJob>(&job, end).await?;
                }
                Ok(Outcome::of::<Runtime>(&id))
            })
        });
        recorded.await?;
        Ok(())
    }

    /// Ends the job of a runtime that is no longer being made.
    async fn close(&self, id: &RuntimeId, job: &JobId, cause: &Cause) -> Result<(), EffectError> {
        let ran = self.0.runtime(id).await?.is_some_and(|runtime| runtime.run > 0);
        let end = if ran { JobCommand::Succeed } else { unwanted() };
        late_is_fine(
            self.0
                .bus
                .decide::<ProvisioningJob>(job, end, &cause.request("closed"))
                .await,
        )
    }

    pub(super) async fn stop(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let clock = &self.0.bus.services().clock;
        let give_up = clock.now() + PATIENCE;
        while let Some((runtime, spec)) = self.wanted(id, RuntimeStatus::Stopping).await? {
            match self
                .0
                .driver(&runtime.provider)?
                .stop(&spec, &cause.token())
                .await
            {
                // What the provider gave up on does not run either.
                Ok(
                    RuntimeObservation::Stopped { .. }
                    | RuntimeObservation::Absent
                    | RuntimeObservation::Failed { .. },
                ) => {
                    let report = RuntimeCommand::ReportStopped {
                        ran_until: clock.now(),
                    };
                    self.0
                        .bus
                        .decide::<Runtime>(id, report, &cause.request("stopped"))
                        .await?;
                    return Ok(());
                }
                Ok(RuntimeObservation::Pending { .. } | RuntimeObservation::Running { .. }) => {}
                Err(DriverError::Transient(reason)) => {
                    tracing::info!(runtime = %id, %reason, "the provider does not stop it yet");
                }
                Err(error @ DriverError::Permanent(_)) => return Err(error.into()),
            }
            wait_until(clock.now() >= give_up, "the provider does not stop the runtime").await?;
        }
        Ok(())
    }

    pub(super) async fn restart_gateway(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let clock = &self.0.bus.services().clock;
        let give_up = clock.now() + PATIENCE;
        while let Some((runtime, spec)) = self.wanted(id, RuntimeStatus::Running).await? {
            if !runtime.gateway_restarting {
                return Ok(());
            }
            let why = match self
                .0
                .driver(&runtime.provider)?
                .restart_gateway(&spec, &cause.token())
                .await
            {
                Ok(RuntimeObservation::Running { since, .. }) => {
                    let report = RuntimeCommand::ReportGateway { since };
                    self.0
                        .bus
                        .decide::<Runtime>(id, report, &cause.request("gateway"))
                        .await?;
                    return Ok(());
                }
                Ok(_) => "the gateway is not up yet".to_owned(),
                Err(error) => error.to_string(),
            };
            let waited = wait_until(clock.now() >= give_up, "the gateway does not come up again").await;
            if let Err(error) = waited {
                tracing::warn!(runtime = %id, reason = why, "gateway not restarted");
                let report = RuntimeCommand::ReportHealth {
                    health: Health::Degraded,
                };
                self.0
                    .bus
                    .decide::<Runtime>(id, report, &cause.request("degraded"))
                    .await?;
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) async fn destroy(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let clock = &self.0.bus.services().clock;
        let give_up = clock.now() + PATIENCE;
        self.delete_agents(id, cause).await?;
        while let Some((runtime, spec)) = self.wanted(id, RuntimeStatus::Destroying).await? {
            match self
                .0
                .driver(&runtime.provider)?
                .destroy(&spec, &cause.token())
                .await
            {
                Ok(()) => {
                    let report = RuntimeCommand::ReportDestroyed {
                        ran_until: clock.now(),
                    };
                    self.0
                        .bus
                        .decide::<Runtime>(id, report, &cause.request("destroyed"))
                        .await?;
                    return Ok(());
                }
                Err(DriverError::Transient(reason)) => {
                    tracing::info!(runtime = %id, %reason, "the provider does not remove it yet");
                }
                Err(error @ DriverError::Permanent(_)) => return Err(error.into()),
            }
            wait_until(clock.now() >= give_up, "the provider does not remove the runtime").await?;
        }
        Ok(())
    }
}

/// Fixes the values of the owner's secrets that agents on the runtime have in this run.
async fn sync_secrets(unit: &mut Unit<'_>, id: &RuntimeId) -> Result<(), CommandError> {
    let runtime = unit.load::<Runtime>(id).await?;
    let (Tenancy::Shared, Some(account_id), Some(user)) =
        (runtime.tenancy, &runtime.account_id, &runtime.owner_user_id)
    else {
        return Ok(());
    };
    let dialect = unit.load::<Account>(account_id).await?.dialect;
    if syncs_secrets(dialect) {
        sync(unit, account_id, SecretOwner::new(OwnerKind::User, user)).await?;
    }
    Ok(())
}

/// Fixes the values of the runtime's own secrets that its processes have in their environment.
pub(super) async fn sync_environment(unit: &mut Unit<'_>, id: &RuntimeId) -> Result<(), CommandError> {
    let runtime = unit.load::<Runtime>(id).await?;
    let (Tenancy::Shared, Some(account_id)) = (runtime.tenancy, &runtime.account_id) else {
        return Ok(());
    };
    if syncs_environment(unit.load::<Account>(account_id).await?.dialect) {
        sync(unit, account_id, SecretOwner::new(OwnerKind::Runtime, id)).await?;
    }
    Ok(())
}

async fn sync(unit: &mut Unit<'_>, account_id: &AccountId, owner: SecretOwner) -> Result<(), CommandError> {
    let stream = owner.to_string();
    if unit.load::<Secrets>(&stream).await?.purged {
        return Ok(());
    }
    let sync = SecretsCommand::Sync {
        account_id: account_id.clone(),
        owner,
    };
    unit.decide::<Secrets>(&stream, sync).await?;
    Ok(())
}

fn unwanted() -> JobCommand {
    JobCommand::Fail {
        code: "unwanted".to_owned(),
        reason: "the runtime was no longer wanted".to_owned(),
    }
}

/// Waits before the next try; once it took too long somebody has to look at it.
pub(super) async fn wait_until(too_long: bool, what: &str) -> Result<(), EffectError> {
    if too_long {
        return Err(EffectError::Permanent(what.to_owned()));
    }
    tokio::time::sleep(POLL).await;
    Ok(())
}
