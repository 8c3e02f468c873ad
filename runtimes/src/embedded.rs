//! The runtime inside the server: a worker per agent that really keeps files and memory, applies the policy
//! to tasks, and answers through a model, or through the local responder.
//!
//! What a runtime is (`running`, `stopped`, `destroyed`, and since when) is a sealed file of its own in the
//! workspace store, `.reef/runtime.json`. "Running" is what that file was just read to say: writing it at
//! provisioning and reading it at every observation proves that vault and store, all this runtime needs, work.
//! Nothing is kept in the process, so a restarted server, or another one, serves the same agents on.
//!
//! Tasks are judged before they are worked on: by the policy or, for an agent without one, by the user's
//! command bundles (a task that plainly needs a bundle that is off is denied). The worker itself only writes
//! text: it has no browser, no shell and no code execution, whatever bundles are on, and tells the model so.
//!
//! Locks are per process. Lifecycle calls come from one lease holder; if two servers answer for one agent in
//! the same instant, the line one of them adds to `MEMORY.md` may be lost.

mod chat;
mod cron;
mod files;
mod halted;
mod locks;
mod memory;
mod mood;
mod owned;
mod prompt;
mod state;
mod tasks;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use reef_commands::ports::{
    AgentBundle, ChatChunk, ChatRequest, Clock, DriverError, EffectToken, LogLevel, LogLines, NodeEvents,
    RuntimeDriver, RuntimeObservation, RuntimeSettings, RuntimeSpec, TaskAssignment, Vault, Workspace,
    runtime::SecretLookup,
};
use reef_domain::AgentId;

use self::worker::Worker;
use crate::{
    model::{ModelConfig, ModelError},
    openclaw::Gateway,
};

/// Name of the provider.
pub const PROVIDER: &str = "embedded";

/// What the embedded runtime needs of the world.
#[derive(Clone)]
pub struct EmbeddedPorts {
    /// Files, sealed.
    pub workspace: Arc<dyn Workspace>,
    /// Seals them.
    pub vault: Arc<dyn Vault>,
    /// Agents' own keys of model providers.
    pub secrets: Arc<dyn SecretLookup>,
    /// Where reports about tasks go.
    pub node: Arc<dyn NodeEvents>,
    /// Where log lines go. They tell what was done, never what was said.
    pub log_lines: Arc<dyn LogLines>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The driver of the provider `embedded`.
#[derive(Clone)]
pub struct EmbeddedDriver {
    worker: Arc<Worker>,
}

impl EmbeddedDriver {
    /// The driver; the error names a setting of `models` that cannot be used.
    pub fn new(ports: EmbeddedPorts, models: ModelConfig) -> Result<Self, ModelError> {
        Ok(Self {
            worker: Arc::new(Worker::new(ports, models, None)?),
        })
    }

    /// The driver where agents of a gateway answer, whose chat API `models` names.
    pub fn with_gateway(
        ports: EmbeddedPorts,
        models: ModelConfig,
        gateway: Arc<Gateway>,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            worker: Arc::new(Worker::new(ports, models, Some(gateway))?),
        })
    }

    fn log(&self, spec: &RuntimeSpec, agent: Option<&AgentId>, message: &str) {
        self.worker.log(spec, agent, LogLevel::Info, message.to_owned());
    }
}

#[async_trait]
impl RuntimeDriver for EmbeddedDriver {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    async fn provision(
        &self,
        spec: &RuntimeSpec,
        _: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let (observation, new) = self.worker.runtimes.provision(spec).await?;
        if new {
            self.log(spec, None, "runtime made");
        }
        Ok(observation)
    }

    async fn start(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let (observation, changed) = self.worker.runtimes.start(spec, token).await?;
        if changed {
            self.log(spec, None, "runtime started");
        }
        Ok(observation)
    }

    async fn stop(&self, spec: &RuntimeSpec, token: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        let (observation, changed) = self.worker.runtimes.stop(spec, token).await?;
        if changed {
            self.log(spec, None, "runtime stopped");
        }
        Ok(observation)
    }

    async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let (observation, changed) = self.worker.runtimes.restart_gateway(spec, token).await?;
        if changed {
            self.log(spec, None, "gateway restarted");
        }
        Ok(observation)
    }

    async fn destroy(&self, spec: &RuntimeSpec, _: &EffectToken) -> Result<(), DriverError> {
        self.worker.destroy(spec).await
    }

    async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        self.worker.runtimes.observe(spec).await
    }

    /// The bundles judge agents without a policy. A firewall is for what listens: nothing here does, so
    /// that its rules are met is true of whatever they say.
    async fn configure(
        &self,
        spec: &RuntimeSpec,
        settings: &RuntimeSettings,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.worker
            .runtimes
            .configure(spec, &settings.command_bundles)
            .await?;
        self.log(spec, None, "settings applied");
        Ok(())
    }

    async fn push(
        &self,
        spec: &RuntimeSpec,
        bundle: &AgentBundle,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.worker.settle(spec, bundle).await?;
        self.worker.plan(spec, &bundle.agent_id).await
    }

    async fn rest_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        if self.worker.runtimes.rest_agent(spec, agent).await? {
            self.log(spec, Some(agent), "agent put to rest");
        }
        Ok(())
    }

    async fn remove_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.worker.remove_agent(spec, agent).await
    }

    async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        self.worker.run_task(spec, task).await
    }

    async fn run_cron(&self, spec: &RuntimeSpec, bundle: &AgentBundle) -> Result<(), DriverError> {
        self.worker.run_cron(spec, bundle).await
    }

    async fn chat(
        &self,
        spec: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError> {
        Arc::clone(&self.worker).chat(spec, request).await
    }

    fn trouble(&self) -> Option<String> {
        let gateway = self.worker.gateway.as_ref();
        gateway
            .and_then(|gateway| gateway.trouble())
            .or_else(|| self.worker.mood.trouble())
    }
}
