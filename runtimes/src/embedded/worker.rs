//! The worker: agents' files, memory, and who answers for them.

use std::sync::Arc;

use reef_commands::ports::{AgentBundle, DriverError, LogLevel, RuntimeSpec};
use reef_domain::AgentId;

use super::{
    EmbeddedPorts,
    files::{Holder, SealedFiles},
    halted::Halted,
    locks::KeyedLocks,
    memory::{self, Remembered},
    mood::Mood,
    owned,
    prompt::{Files, Terms},
    state::Runtimes,
};
use crate::{
    model::{ModelClient, ModelConfig, ModelError, Models, Responder},
    openclaw::Gateway,
};

pub(super) struct Worker {
    pub(super) ports: EmbeddedPorts,
    pub(super) runtimes: Runtimes,
    pub(super) models: Models,
    /// A task is worked on by one at a time, however often it is handed over.
    pub(super) tasks: KeyedLocks,
    /// A gateway whose agents do the work, with tools of their own.
    pub(super) gateway: Option<Arc<Gateway>>,
    /// Tasks in the middle of which a command waits for a person.
    pub(super) halted: Arc<Halted>,
    /// How it goes with what answers.
    pub(super) mood: Mood,
    pub(super) files: SealedFiles,
    pub(super) agents: KeyedLocks,
    /// How far an agent's jobs have come is changed by one at a time.
    pub(super) crons: KeyedLocks,
}

impl Worker {
    pub(super) fn new(
        ports: EmbeddedPorts,
        models: ModelConfig,
        gateway: Option<Arc<Gateway>>,
    ) -> Result<Self, ModelError> {
        let files = SealedFiles {
            workspace: Arc::clone(&ports.workspace),
            vault: Arc::clone(&ports.vault),
        };
        Ok(Self {
            runtimes: Runtimes::new(files.clone(), Arc::clone(&ports.clock)),
            models: Models::new(models)?,
            tasks: KeyedLocks::default(),
            files,
            agents: KeyedLocks::default(),
            crons: KeyedLocks::default(),
            gateway,
            halted: Arc::default(),
            mood: Mood::default(),
            ports,
        })
    }

    pub(super) fn log(&self, spec: &RuntimeSpec, agent: Option<&AgentId>, level: LogLevel, message: String) {
        self.ports.log_lines.push(&spec.runtime_id, agent, level, message);
    }

    /// Puts the agent on the runtime with the files it has not yet.
    pub(super) async fn settle(&self, spec: &RuntimeSpec, bundle: &AgentBundle) -> Result<(), DriverError> {
        let agent = &bundle.agent_id;
        let new = !self.runtimes.serves(spec, agent).await?;
        self.runtimes.add_agent(spec, agent).await?;
        let _held = self.agents.lock(agent.as_str()).await;
        // `.reef/` is ours: no template writes there.
        let mut seed = bundle.workspace.clone();
        seed.retain(|path, _| !path.starts_with(".reef/"));
        let holder = Holder::agent(spec, agent);
        self.files.seed(&holder, seed).await?;
        if let Some(owned) = &bundle.files {
            owned::take(&self.files, &holder, owned).await?;
        }
        if new {
            self.log(
                spec,
                Some(agent),
                LogLevel::Info,
                "agent put on the runtime".to_owned(),
            );
        }
        Ok(())
    }

    /// Takes the agent off the runtime, with its files.
    pub(super) async fn remove_agent(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<(), DriverError> {
        self.runtimes.forget_agent(spec, agent).await?;
        // After the above nobody begins to write; who has begun holds the lock.
        let _held = self.agents.lock(agent.as_str()).await;
        self.files.purge(&Holder::agent(spec, agent)).await?;
        self.log(
            spec,
            Some(agent),
            LogLevel::Info,
            "agent removed from the runtime".to_owned(),
        );
        Ok(())
    }

    /// Removes the runtime and the files of every agent on it.
    pub(super) async fn destroy(&self, spec: &RuntimeSpec) -> Result<(), DriverError> {
        for agent in self.runtimes.begin_destruction(spec).await? {
            let _held = self.agents.lock(agent.as_str()).await;
            self.files.purge(&Holder::agent(spec, &agent)).await?;
        }
        self.runtimes.end_destruction(spec).await?;
        self.log(spec, None, LogLevel::Info, "runtime destroyed".to_owned());
        Ok(())
    }

    /// The files of an agent on a running runtime; one that was not pushed yet is put there first, one at
    /// rest is left alone.
    pub(super) async fn ready(&self, spec: &RuntimeSpec, bundle: &AgentBundle) -> Result<Files, DriverError> {
        self.runtimes.require_running(spec).await?;
        if self.runtimes.is_at_rest(spec, &bundle.agent_id).await? {
            let text = format!("agent {} is at rest", bundle.agent_id);
            return Err(DriverError::Transient(text));
        }
        if !self.runtimes.serves(spec, &bundle.agent_id).await? {
            self.settle(spec, bundle).await?;
        }
        let mut files = self.files.all(&Holder::agent(spec, &bundle.agent_id)).await?;
        files.retain(|path, _| !path.starts_with(".reef/"));
        Ok(files)
    }

    /// On what terms a model is asked now.
    pub(super) fn terms(&self, session: Option<String>) -> Terms {
        Terms {
            now: self.ports.clock.now(),
            max_tokens: self.models.max_tokens(),
            has_tools: self.gateway.is_some(),
            session,
        }
    }

    /// What answers for the agent now.
    pub(super) async fn client(
        &self,
        bundle: &AgentBundle,
        files: &Files,
    ) -> Result<Arc<dyn ModelClient>, DriverError> {
        let chosen = self
            .models
            .choose(&*self.ports.secrets, &bundle.agent_id, &bundle.model)
            .await?;
        Ok(chosen.unwrap_or_else(|| {
            let memory = files
                .get(memory::PATH)
                .map(|memory| memory::lines(memory))
                .unwrap_or_default();
            Arc::new(Responder::new(bundle.name.clone(), memory))
        }))
    }

    /// Adds a line to the agent's memory, unless it was removed meanwhile. Failing at it is logged: the
    /// reply is there all the same.
    pub(super) async fn remember(&self, spec: &RuntimeSpec, agent: &AgentId, what: Remembered<'_>) {
        if let Err(error) = self.try_remember(spec, agent, what).await {
            self.log(
                spec,
                Some(agent),
                LogLevel::Warn,
                format!("MEMORY.md was not written: {error}"),
            );
        }
    }

    async fn try_remember(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        what: Remembered<'_>,
    ) -> Result<(), DriverError> {
        let _held = self.agents.lock(agent.as_str()).await;
        if !self.runtimes.serves(spec, agent).await? {
            return Ok(());
        }
        let holder = Holder::agent(spec, agent);
        let before = self.files.read(&holder, memory::PATH).await?.unwrap_or_default();
        let after = memory::with_line(&before, self.ports.clock.now(), what);
        Ok(self
            .files
            .write(&holder, &[(memory::PATH.to_owned(), after)].into())
            .await?)
    }
}
