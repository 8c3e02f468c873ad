//! Agents, as their runtimes come and go.

use std::time::Duration;

use reef_domain::{
    AgentId, RuntimeId,
    agent::{Agent, AgentCommand, AgentStatus, AgentStopReason, Pushed},
    reservation::Reservation,
    runtime::{Runtime, RuntimeStatus, Tenancy},
};
use reef_projections::Filter;

use super::{Provisioning, late_is_fine};
use crate::{
    Outcome,
    agent::{begin_deletion, give_place_back},
    follower::{Cause, EffectError},
    machine::is_own_machine,
    managers::{bundle::bundle_of, spec_of},
    ports::DriverError,
    runtime::{RUNTIME_FAILED, shared_runtime_reservation},
};

/// Tries of one push before the agent counts as failed, and of settings before somebody has to look.
const TRIES: u32 = 6;

impl Provisioning {
    async fn agents_with(&self, field: &str, value: &str) -> Result<Vec<AgentId>, EffectError> {
        let filters = vec![Filter::Field(field.to_owned(), value.to_owned())];
        Ok(self
            .0
            .ids("agents", filters)
            .await?
            .into_iter()
            .map(AgentId::from)
            .collect())
    }

    /// Has the runtime take its owner's settings, then puts every agent of the runtime on it, and those of
    /// its owner that waited for one. Settings that are not taken keep no agent off.
    pub(super) async fn push_all(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        let Some(runtime) = self.0.runtime(id).await? else {
            return Ok(());
        };
        if let Err(error) = self.configure(id, cause).await {
            tracing::warn!(runtime = %id, %error, "the settings are not taken; an intent of their own sees to it");
        }
        if let (Tenancy::Shared, Some(owner)) = (runtime.tenancy, &runtime.owner_user_id) {
            for agent in self.agents_with("owner_user_id", owner.as_str()).await? {
                self.find_place(&agent, cause).await?;
            }
        }
        for agent in self.agents_with("runtime_id", id.as_str()).await? {
            self.push(&agent, cause).await?;
            self.rest(&agent, cause).await?;
        }
        Ok(())
    }

    /// Brings every agent on the runtime up to date.
    pub(super) async fn push_agents(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        for agent in self.agents_with("runtime_id", id.as_str()).await? {
            self.push(&agent, cause).await?;
        }
        Ok(())
    }

    /// Gives an agent that waits for its owner's shared runtime that runtime, if it is there by now.
    async fn find_place(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        let bus = &self.0.bus;
        let Some(agent) = bus.state::<Agent>(id).await? else {
            return Ok(());
        };
        let waits = agent.runtime_id.is_none() && agent.tenancy == Tenancy::Shared;
        let Some(owner) = agent.owner_user_id.as_ref().filter(|_| waits) else {
            return Ok(());
        };
        let holders = bus
            .state::<Reservation>(shared_runtime_reservation(owner))
            .await?;
        let Some(runtime) = holders.and_then(|known| known.holders.first().cloned()) else {
            return Ok(());
        };
        let place = AgentCommand::Place {
            runtime_id: RuntimeId::from(runtime),
        };
        late_is_fine(bus.decide::<Agent>(id, place, &cause.request(id.as_str())).await)
    }

    /// Nothing of a failed runtime may go on running, seen by nobody; its agents have failed with it.
    pub(super) async fn fail_all(
        &self,
        id: &RuntimeId,
        reason: &str,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let Some(runtime) = self.0.runtime(id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == RuntimeStatus::Failed) else {
            return Ok(());
        };
        if let Ok(driver) = self.0.driver(&runtime.provider)
            && let Err(error) = driver.stop(&spec, &cause.token()).await
        {
            tracing::warn!(runtime = %id, %error, "a failed runtime could not be stopped");
        }
        for agent in self.agents_with("runtime_id", id.as_str()).await? {
            let report = AgentCommand::ReportFailed {
                code: RUNTIME_FAILED.to_owned(),
                reason: reason.to_owned(),
            };
            late_is_fine(
                self.0
                    .bus
                    .decide::<Agent>(&agent, report, &cause.request(agent.as_str()))
                    .await,
            )?;
        }
        Ok(())
    }

    /// The agents of a runtime that is being removed go before it: none can come any more.
    /// Those of a person's own machine stay: they can go on elsewhere.
    pub(super) async fn delete_agents(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        if self
            .0
            .runtime(id)
            .await?
            .is_some_and(|runtime| is_own_machine(&runtime))
        {
            return Ok(());
        }
        for agent in self.agents_with("runtime_id", id.as_str()).await? {
            let request = cause.request(agent.as_str());
            let deleted = self.0.bus.transact(&request, |unit| {
                let agent_id = agent.clone();
                Box::pin(async move {
                    let agent = unit.edit::<Agent>(&agent_id).await?;
                    begin_deletion(unit, &agent_id, &agent).await?;
                    Ok(Outcome::of::<Agent>(&agent_id))
                })
            });
            late_is_fine(deleted.await)?;
        }
        Ok(())
    }

    /// An agent whose own runtime stopped does not run either; its place is free. Agents of a shared
    /// runtime stay what they are: they come back with it.
    pub(super) async fn stop_all(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        for agent in self.agents_with("runtime_id", id.as_str()).await? {
            let request = cause.request(agent.as_str());
            let stopped = self.0.bus.transact(&request, |unit| {
                let (agent_id, runtime_id) = (agent.clone(), id.clone());
                Box::pin(async move {
                    let runtime = unit.load::<reef_domain::runtime::Runtime>(&runtime_id).await?;
                    let agent = unit.load::<Agent>(&agent_id).await?;
                    let stays = runtime.status != RuntimeStatus::Stopped || agent.tenancy == Tenancy::Shared;
                    let stop = AgentCommand::Stop {
                        reason: AgentStopReason::RuntimeStopped,
                    };
                    if !stays && unit.decide::<Agent>(&agent_id, stop).await? > 0 {
                        give_place_back(unit, &agent_id, &agent).await?;
                    }
                    Ok(Outcome::of::<Agent>(&agent_id))
                })
            });
            late_is_fine(stopped.await)?;
        }
        Ok(())
    }

    /// Puts the agent on its runtime if that runs; if not, its start will.
    pub(super) async fn push(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        self.find_place(id, cause).await?;
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
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.is_running()) else {
            return Ok(());
        };
        let bundle = bundle_of(&self.0.bus, id, &agent).await?;
        let driver = self.0.driver(&runtime.provider)?;
        let token = cause.token();
        let reports = match patiently(id.as_str(), || driver.push(&spec, &bundle, &token)).await {
            Ok(()) => vec![
                AgentCommand::ReportPushed(Pushed {
                    run: runtime.run,
                    policy_id: agent.policy_id.clone(),
                    rules: bundle.policy_rules,
                    files: bundle.files.map(|files| files.revision),
                }),
                AgentCommand::ReportStarted,
            ],
            Err(error) => vec![AgentCommand::ReportFailed {
                code: "push_failed".to_owned(),
                reason: error.to_string(),
            }],
        };
        self.record_push(id, reports, cause).await
    }

    /// What a push came to, in one append: tasks are judged by what was pushed as soon as they are handed out.
    async fn record_push(
        &self,
        id: &AgentId,
        reports: Vec<AgentCommand>,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let request = cause.request(id.as_str());
        let reported = self.0.bus.transact(&request, |unit| {
            let (id, reports) = (id.clone(), reports.clone());
            Box::pin(async move {
                for report in reports {
                    unit.decide::<Agent>(&id, report).await?;
                }
                Ok(Outcome::of::<Agent>(&id))
            })
        });
        late_is_fine(reported.await)
    }

    /// The shared runtime of a stopped agent works for it no more. Its own would have stopped with it. Nothing
    /// is handed to the agent either way: a runtime that does not answer must not keep its next start waiting.
    pub(super) async fn rest(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        let Some(agent) = self.0.bus.state::<Agent>(id).await? else {
            return Ok(());
        };
        let rests = agent.status == AgentStatus::Stopped && agent.tenancy == Tenancy::Shared;
        let Some(runtime_id) = agent.runtime_id.clone().filter(|_| rests) else {
            return Ok(());
        };
        let Some((Runtime { provider, .. }, spec)) = self.wanted(&runtime_id, RuntimeStatus::Running).await?
        else {
            return Ok(());
        };
        let driver = self.0.driver(&provider)?;
        let token = cause.token();
        if let Err(error) = patiently(id.as_str(), || driver.rest_agent(&spec, id, &token)).await {
            tracing::warn!(agent = %id, %error, "not put to rest; the next start of its runtime tries again");
        }
        Ok(())
    }
}

/// An agent must not stay on its way for ever because its runtime does not answer.
pub(super) async fn patiently<F>(what: &str, call: impl Fn() -> F) -> Result<(), DriverError>
where
    F: Future<Output = Result<(), DriverError>>,
{
    let mut wait = Duration::from_millis(250);
    for _ in 1..TRIES {
        match call().await {
            Err(DriverError::Transient(reason)) => {
                tracing::info!(what, %reason, "the runtime does not take it yet");
            }
            settled => return settled,
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    call().await
}
