//! Provisioning: has drivers do what runtimes were asked to, and records what was observed.
//!
//! **Invariant:** a runtime becomes running only because its driver said so; a deadline makes a runtime
//! that never came up fail with its reason.

use std::time::Duration;

use async_trait::async_trait;
use reef_domain::{
    AgentId, AnyEvent, Envelope, JobId, RuntimeId,
    agent::{Agent, AgentCommand, AgentEvent, AgentStatus},
    provisioning_job::{ProvisioningJob, ProvisioningJobCommand, ProvisioningJobEvent},
    runtime::{Runtime, RuntimeCommand, RuntimeEvent, RuntimeStatus},
};
use reef_projections::Filter;

use super::{Context, bundle::bundle_of, spec_of};
use crate::{
    CommandError, Outcome,
    follower::{Cause, EffectError, Intent, ProcessManager},
    ports::{DriverError, EffectToken, RuntimeObservation, RuntimeSpec},
};

/// Name of the manager.
pub const NAME: &str = "provisioning";
/// How often a provider is asked whether a runtime is up.
const POLL: Duration = Duration::from_millis(500);

/// What provisioning does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Make the runtime of a job.
    Provision(JobId, RuntimeId),
    /// Start a stopped runtime.
    Start(RuntimeId),
    /// Stop it.
    Stop(RuntimeId),
    /// Restart its gateway.
    RestartGateway(RuntimeId),
    /// Remove it.
    Destroy(RuntimeId),
    /// Put every agent that waits for the runtime on it.
    PushAll(RuntimeId),
    /// Tell the agents of a runtime that did not come up.
    FailAll(RuntimeId, String),
    /// Put one agent on its runtime, or bring it up to date.
    Push(AgentId),
}

/// The provisioning manager.
pub struct Provisioning(Context);

impl Provisioning {
    /// The manager.
    pub fn new(context: Context) -> Self {
        Self(context)
    }
}

#[async_trait]
impl ProcessManager for Provisioning {
    type Action = Action;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<Action>> {
        let runtime = || RuntimeId::new(std::sync::Arc::clone(&envelope.aggregate_id));
        let of_runtime = |step, action| {
            vec![Intent::new(
                format!("runtime/{}", envelope.aggregate_id),
                step,
                action,
            )]
        };
        match &envelope.event {
            AnyEvent::ProvisioningJob(ProvisioningJobEvent::Requested {
                job_id, runtime_id, ..
            }) => {
                let action = Action::Provision(job_id.clone(), runtime_id.clone());
                vec![Intent::new(format!("runtime/{runtime_id}"), "provision", action)]
            }
            AnyEvent::Runtime(event) => match event {
                RuntimeEvent::StartRequested { .. } => of_runtime("start", Action::Start(runtime())),
                RuntimeEvent::StopRequested { .. } => of_runtime("stop", Action::Stop(runtime())),
                RuntimeEvent::GatewayRestartRequested {} => {
                    of_runtime("restart-gateway", Action::RestartGateway(runtime()))
                }
                RuntimeEvent::DestructionStarted { .. } => of_runtime("destroy", Action::Destroy(runtime())),
                RuntimeEvent::Running { .. } => of_runtime("push-all", Action::PushAll(runtime())),
                RuntimeEvent::Failed { reason, .. } => {
                    of_runtime("fail-all", Action::FailAll(runtime(), reason.clone()))
                }
                RuntimeEvent::Requested { .. }
                | RuntimeEvent::ProvisioningAdvanced { .. }
                | RuntimeEvent::Stopped { .. }
                | RuntimeEvent::GatewayRestarted { .. }
                | RuntimeEvent::HealthChanged { .. }
                | RuntimeEvent::Destroyed { .. } => Vec::new(),
            },
            AnyEvent::Agent(event) if needs_push(event) => {
                let agent = AgentId::new(std::sync::Arc::clone(&envelope.aggregate_id));
                vec![Intent::new(format!("agent/{agent}"), "push", Action::Push(agent))]
            }
            AnyEvent::Account(_)
            | AnyEvent::Agent(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Conversation(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Policy(_)
            | AnyEvent::ProvisioningJob(_)
            | AnyEvent::Reservation(_)
            | AnyEvent::Secrets(_)
            | AnyEvent::Settings(_)
            | AnyEvent::Task(_)
            | AnyEvent::Template(_) => Vec::new(),
        }
    }

    async fn perform(&self, action: &Action, cause: &Cause) -> Result<(), EffectError> {
        match action {
            Action::Provision(job, runtime) => self.bring_up(runtime, Some(job), cause).await,
            Action::Start(runtime) => self.bring_up(runtime, None, cause).await,
            Action::Stop(runtime) => self.stop(runtime, cause).await,
            Action::RestartGateway(runtime) => self.restart_gateway(runtime, cause).await,
            Action::Destroy(runtime) => self.destroy(runtime, cause).await,
            Action::PushAll(runtime) => self.push_all(runtime, cause).await,
            Action::FailAll(runtime, reason) => self.fail_all(runtime, reason, cause).await,
            Action::Push(agent) => self.push(agent, cause).await,
        }
    }
}

/// Whether the event changes what the agent is to be on its runtime.
fn needs_push(event: &AgentEvent) -> bool {
    match event {
        AgentEvent::Deployed { .. }
        | AgentEvent::Placed { .. }
        | AgentEvent::StartRequested { .. }
        | AgentEvent::Restarted { .. }
        | AgentEvent::Updated { .. }
        | AgentEvent::PolicyAttached { .. }
        | AgentEvent::PolicyDetached { .. } => true,
        AgentEvent::Created { .. }
        | AgentEvent::Started { .. }
        | AgentEvent::Failed { .. }
        | AgentEvent::Stopped { .. }
        | AgentEvent::DeletionStarted { .. }
        | AgentEvent::Deleted { .. } => false,
    }
}

impl Provisioning {
    /// Makes or starts a runtime and waits until it was seen running, or its deadline has passed.
    async fn bring_up(&self, id: &RuntimeId, job: Option<&JobId>, cause: &Cause) -> Result<(), EffectError> {
        loop {
            let Some(runtime) = self.0.runtime(id).await? else {
                return Ok(());
            };
            let expected = if job.is_some() {
                RuntimeStatus::Provisioning
            } else {
                RuntimeStatus::Starting
            };
            let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == expected) else {
                return Ok(());
            };
            let overdue = runtime
                .deadline
                .is_some_and(|deadline| deadline <= self.0.bus.services().clock.now());
            let observed = self.ask(&runtime, &spec, job.is_some(), &cause.token()).await;
            match observed {
                Ok(RuntimeObservation::Running {
                    provider_ref,
                    public_ip,
                    since,
                }) => {
                    let report = RuntimeCommand::ReportRunning {
                        provider_ref,
                        public_ip,
                        since,
                    };
                    return self.record(id, job, report, None, cause).await;
                }
                Ok(RuntimeObservation::Failed { reason }) | Err(DriverError::Permanent(reason)) => {
                    return self.give_up(id, job, "provider_failed", reason, cause).await;
                }
                Ok(_) if overdue => {
                    let reason = "it was not seen running before its deadline".to_owned();
                    return self.give_up(id, job, "deadline_passed", reason, cause).await;
                }
                Err(DriverError::Transient(reason)) if overdue => {
                    return self.give_up(id, job, "deadline_passed", reason, cause).await;
                }
                Ok(_) => {}
                Err(DriverError::Transient(reason)) => {
                    tracing::info!(runtime = %id, %reason, "the provider does not answer yet");
                }
            }
            tokio::time::sleep(POLL).await;
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

    async fn give_up(
        &self,
        id: &RuntimeId,
        job: Option<&JobId>,
        code: &str,
        reason: String,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let report = RuntimeCommand::ReportFailed {
            code: code.to_owned(),
            reason: reason.clone(),
            ran_until: None,
        };
        self.record(id, job, report, Some((code.to_owned(), reason)), cause)
            .await
    }

    /// Records what became of a runtime, and of its job, in one append.
    async fn record(
        &self,
        id: &RuntimeId,
        job: Option<&JobId>,
        report: RuntimeCommand,
        failure: Option<(String, String)>,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let request = cause.request("observed");
        self.0
            .bus
            .transact(&request, |unit| {
                let (id, job, report, failure) = (id.clone(), job.cloned(), report.clone(), failure.clone());
                Box::pin(async move {
                    unit.decide::<Runtime>(&id, report).await?;
                    if let Some(job) = job {
                        let end = match failure {
                            None => ProvisioningJobCommand::Succeed,
                            Some((code, reason)) => ProvisioningJobCommand::Fail { code, reason },
                        };
                        unit.decide::<ProvisioningJob>(&job, ProvisioningJobCommand::Start)
                            .await?;
                        unit.decide::<ProvisioningJob>(&job, end).await?;
                    }
                    Ok(Outcome::of::<Runtime>(&id))
                })
            })
            .await?;
        Ok(())
    }

    async fn stop(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let Some(runtime) = self.0.runtime(id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == RuntimeStatus::Stopping) else {
            return Ok(());
        };
        let report = match self
            .0
            .driver(&runtime.provider)?
            .stop(&spec, &cause.token())
            .await?
        {
            RuntimeObservation::Stopped { .. } | RuntimeObservation::Absent => {
                RuntimeCommand::ReportStopped {
                    ran_until: self.0.bus.services().clock.now(),
                }
            }
            RuntimeObservation::Failed { reason } => RuntimeCommand::ReportFailed {
                code: "provider_failed".to_owned(),
                reason,
                ran_until: Some(self.0.bus.services().clock.now()),
            },
            RuntimeObservation::Pending { .. } | RuntimeObservation::Running { .. } => {
                return Err(EffectError::Transient(
                    "the runtime has not stopped yet".to_owned(),
                ));
            }
        };
        self.0
            .bus
            .decide::<Runtime>(id, report, &cause.request("stopped"))
            .await?;
        Ok(())
    }

    async fn restart_gateway(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let Some(runtime) = self.0.runtime(id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.gateway_restarting) else {
            return Ok(());
        };
        match self
            .0
            .driver(&runtime.provider)?
            .restart_gateway(&spec, &cause.token())
            .await?
        {
            RuntimeObservation::Running { since, .. } => {
                let report = RuntimeCommand::ReportGateway { since };
                self.0
                    .bus
                    .decide::<Runtime>(id, report, &cause.request("gateway"))
                    .await?;
                Ok(())
            }
            RuntimeObservation::Pending { .. }
            | RuntimeObservation::Stopped { .. }
            | RuntimeObservation::Absent
            | RuntimeObservation::Failed { .. } => {
                Err(EffectError::Transient("the gateway is not up yet".to_owned()))
            }
        }
    }

    async fn destroy(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let Some(runtime) = self.0.runtime(id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == RuntimeStatus::Destroying) else {
            return Ok(());
        };
        self.0
            .driver(&runtime.provider)?
            .destroy(&spec, &cause.token())
            .await?;
        let report = RuntimeCommand::ReportDestroyed {
            ran_until: self.0.bus.services().clock.now(),
        };
        self.0
            .bus
            .decide::<Runtime>(id, report, &cause.request("destroyed"))
            .await?;
        Ok(())
    }

    async fn agents_on(&self, id: &RuntimeId) -> Result<Vec<String>, EffectError> {
        Ok(self
            .0
            .ids(
                "agents",
                vec![Filter::Field("runtime_id".to_owned(), id.to_string())],
            )
            .await?)
    }

    async fn push_all(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        for agent in self.agents_on(id).await? {
            self.push(&AgentId::from(agent), cause).await?;
        }
        Ok(())
    }

    async fn fail_all(&self, id: &RuntimeId, reason: &str, cause: &Cause) -> Result<(), EffectError> {
        for agent in self.agents_on(id).await? {
            let report = AgentCommand::ReportFailed {
                code: "runtime_failed".to_owned(),
                reason: reason.to_owned(),
            };
            ignore_gone(
                self.0
                    .bus
                    .decide::<Agent>(&agent, report, &cause.request(&agent))
                    .await,
            )?;
        }
        Ok(())
    }

    /// Puts the agent on its runtime if that runs; if not, its start will.
    async fn push(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        let Some(agent) = self.0.bus.state::<Agent>(id).await? else {
            return Ok(());
        };
        let wanted = matches!(agent.status, AgentStatus::Provisioning | AgentStatus::Running);
        let Some(runtime_id) = agent.runtime_id.clone().filter(|_| wanted) else {
            return Ok(());
        };
        let Some(runtime) = self.0.runtime(&runtime_id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == RuntimeStatus::Running) else {
            return Ok(());
        };
        let bundle = bundle_of(&self.0.bus, id, &agent).await?;
        let report = match self
            .0
            .driver(&runtime.provider)?
            .push(&spec, &bundle, &cause.token())
            .await
        {
            Ok(()) if agent.status == AgentStatus::Running => return Ok(()),
            Ok(()) => AgentCommand::ReportStarted,
            Err(DriverError::Permanent(reason)) => AgentCommand::ReportFailed {
                code: "push_failed".to_owned(),
                reason,
            },
            Err(error @ DriverError::Transient(_)) => return Err(error.into()),
        };
        ignore_gone(
            self.0
                .bus
                .decide::<Agent>(id, report, &cause.request(id.as_str()))
                .await,
        )
    }
}

/// A report about something that was removed or moved on meanwhile is late, not wrong.
fn ignore_gone(result: Result<crate::Answer, CommandError>) -> Result<(), EffectError> {
    match result {
        Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
