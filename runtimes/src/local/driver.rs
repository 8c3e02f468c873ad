//! The driver: every call becomes a request to the machine that the runtime is.

use std::time::Duration;

use async_stream::stream;
use async_trait::async_trait;
use futures::{StreamExt as _, stream::BoxStream};
use reef_commands::{
    machine::LOCAL_PROVIDER,
    ports::{
        AgentBundle, ChatChunk, ChatRequest, DriverError, EffectToken, RuntimeDriver, RuntimeObservation,
        RuntimeSettings, RuntimeSpec, TaskAssignment,
    },
};
use reef_domain::{AgentId, MachineId};
use tokio::time::timeout;

use super::{
    hub::Hub,
    link::{Link, Piece, failed, lost, nonsense},
    protocol::{Call, Outcome},
};

/// How long a machine may take to say what it does.
const OBSERVE: Duration = Duration::from_secs(10);
/// Before a machine that took nothing is asked again.
const BUSY: Duration = Duration::from_secs(1);
/// How often one task is handed to a machine that went in the middle of it.
const HAND_OVERS: u32 = 10;

/// The driver of the provider `local`.
#[derive(Clone)]
pub struct LocalDriver(Hub);

impl LocalDriver {
    /// A driver over the machines of this hub.
    pub fn new(hub: Hub) -> Self {
        Self(hub)
    }

    async fn link(&self, spec: &RuntimeSpec, wait: Duration) -> Result<std::sync::Arc<Link>, DriverError> {
        self.0.link_within(&spec.runtime_id, wait).await.ok_or_else(away)
    }

    async fn ask(&self, spec: &RuntimeSpec, call: Call, within: Duration) -> Result<Outcome, DriverError> {
        let link = self.link(spec, self.0.0.config.wait).await?;
        let outcome = timeout(within, link.call(spec.into(), call)).await;
        match outcome
            .map_err(|_| DriverError::Transient("the machine did not answer in time".to_owned()))??
        {
            Outcome::Failed { transient, reason } => Err(failed(transient, reason)),
            outcome @ (Outcome::Done | Outcome::Observed { .. } | Outcome::Replied { .. }) => Ok(outcome),
        }
    }

    async fn done(&self, spec: &RuntimeSpec, call: Call) -> Result<(), DriverError> {
        match self.ask(spec, call, self.0.0.config.call).await? {
            Outcome::Done => Ok(()),
            Outcome::Observed { .. } | Outcome::Replied { .. } | Outcome::Failed { .. } => Err(nonsense()),
        }
    }

    async fn observed(
        &self,
        spec: &RuntimeSpec,
        call: Call,
        within: Duration,
    ) -> Result<RuntimeObservation, DriverError> {
        let machine = self.link(spec, Duration::ZERO).await?.machine.machine_id.clone();
        match self.ask(spec, call, within).await? {
            Outcome::Observed { observation } => Ok(observation.of(machine.as_str())),
            Outcome::Done | Outcome::Replied { .. } | Outcome::Failed { .. } => Err(nonsense()),
        }
    }

    /// Of a machine that is not connected here: nobody knows, until it was away for longer than the grace.
    async fn absent(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        let Some(provider_ref) = spec.provider_ref.clone() else {
            return Ok(RuntimeObservation::Absent);
        };
        let desk = &self.0.0.desk;
        let machine = MachineId::from(provider_ref.as_str());
        let may_be_there = desk
            .may_be_there(&machine)
            .await
            .map_err(|error| DriverError::Transient(error.to_string()))?;
        if may_be_there || desk.now() - self.0.0.since < desk.grace() {
            return Err(away());
        }
        Ok(RuntimeObservation::Stopped { provider_ref })
    }
}

fn away() -> DriverError {
    DriverError::Transient("the machine is not connected to this server".to_owned())
}

fn text(token: &EffectToken) -> String {
    token.0.clone()
}

#[async_trait]
impl RuntimeDriver for LocalDriver {
    fn provider(&self) -> &'static str {
        LOCAL_PROVIDER
    }

    async fn provision(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let call = Call::Provision { token: text(token) };
        self.observed(spec, call, self.0.0.config.call).await
    }

    async fn start(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let call = Call::Start { token: text(token) };
        self.observed(spec, call, self.0.0.config.call).await
    }

    async fn stop(&self, spec: &RuntimeSpec, token: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        // One that is away is told when it comes back.
        if self.0.link(&spec.runtime_id).is_none() {
            return self.absent(spec).await;
        }
        let call = Call::Stop { token: text(token) };
        self.observed(spec, call, self.0.0.config.call).await
    }

    async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let call = Call::RestartGateway { token: text(token) };
        self.observed(spec, call, self.0.0.config.call).await
    }

    /// The machine is its owner's: with its removal it was cut off, and what is on it stays theirs.
    async fn destroy(&self, _: &RuntimeSpec, _: &EffectToken) -> Result<(), DriverError> {
        Ok(())
    }

    async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        if self.0.link(&spec.runtime_id).is_none() {
            return self.absent(spec).await;
        }
        self.observed(spec, Call::Observe, OBSERVE).await
    }

    async fn configure(
        &self,
        spec: &RuntimeSpec,
        settings: &RuntimeSettings,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        let call = Call::Configure {
            command_bundles: settings.command_bundles.clone(),
            firewall: settings.firewall.clone(),
            token: text(token),
        };
        self.done(spec, call).await
    }

    async fn push(
        &self,
        spec: &RuntimeSpec,
        bundle: &AgentBundle,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        let call = Call::Push {
            bundle: bundle.into(),
            token: text(token),
        };
        self.done(spec, call).await
    }

    async fn rest_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        let call = Call::RestAgent {
            agent_id: agent.clone(),
            token: text(token),
        };
        self.done(spec, call).await
    }

    async fn remove_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        let call = Call::RemoveAgent {
            agent_id: agent.clone(),
            token: text(token),
        };
        self.done(spec, call).await
    }

    /// A machine that goes in the middle of it has the grace to come back and go on.
    async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        let grace = self.0.0.desk.grace().to_std().unwrap_or_default();
        let mut trouble = away();
        for _ in 0..HAND_OVERS {
            let link = self.link(spec, grace).await?;
            match link.call(spec.into(), task.clone().into()).await {
                Ok(Outcome::Done) => return Ok(()),
                Ok(Outcome::Failed { transient, reason }) => return Err(failed(transient, reason)),
                Ok(Outcome::Observed { .. } | Outcome::Replied { .. }) => return Err(nonsense()),
                Err(error @ DriverError::Permanent(_)) => return Err(error),
                Err(error @ DriverError::Transient(_)) => trouble = error,
            }
            // Ended, or so busy that it takes nothing.
            drop(timeout(BUSY, link.ended.cancelled()).await);
        }
        Err(trouble)
    }

    /// A node of before cron keeps no jobs.
    async fn run_cron(&self, spec: &RuntimeSpec, bundle: &AgentBundle) -> Result<(), DriverError> {
        let call = Call::RunCron {
            bundle: bundle.into(),
        };
        let grace = self.0.0.desk.grace().to_std().unwrap_or_default();
        let link = self.link(spec, grace).await?;
        match link.call(spec.into(), call).await? {
            Outcome::Done => Ok(()),
            Outcome::Failed { transient, reason } => Err(failed(transient, reason)),
            Outcome::Observed { .. } | Outcome::Replied { .. } => Err(nonsense()),
        }
    }

    async fn chat(
        &self,
        spec: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError> {
        let link = self.link(spec, self.0.0.config.wait).await?;
        let (asked, mut pieces) = link.reply(spec.into(), request.into())?;
        let reply = stream! {
            let _asked = asked;
            loop {
                match pieces.recv().await {
                    Some(Piece::Text(text)) => yield Ok(ChatChunk::Delta(text)),
                    Some(Piece::End { usage, model }) => {
                        yield Ok(ChatChunk::Done { usage, model });
                        return;
                    }
                    Some(Piece::Failed(error)) => {
                        yield Err(error);
                        return;
                    }
                    None => {
                        yield Err(lost());
                        return;
                    }
                }
            }
        };
        Ok(reply.boxed())
    }
}
