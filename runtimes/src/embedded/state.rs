//! What each runtime is, and how it changes.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use reef_commands::{
    ports::{Clock, DriverError, EffectToken, RuntimeObservation, RuntimeSpec},
    runtime::embedded_ref,
};
use reef_domain::AgentId;
use serde::{Deserialize, Serialize};

use super::{
    files::{FileError, Holder, SealedFiles},
    locks::KeyedLocks,
};

const PATH: &str = ".reef/runtime.json";
/// Effects that were applied are recognised for so many effects after them.
const TOKENS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Stopped,
    /// Kept, so that a provisioning that comes late does not bring the runtime back.
    Destroyed,
}

/// The file that holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RuntimeFile {
    state: State,
    /// Since when it is so; for a running one, since when its gateway runs.
    since: DateTime<Utc>,
    /// The agents on it, whose files go with it.
    agents: BTreeSet<AgentId>,
    /// Those of them that are to do nothing for the time being.
    #[serde(default)]
    at_rest: BTreeSet<AgentId>,
    /// Command bundles that are on, once the owner's settings were applied.
    #[serde(default)]
    command_bundles: Option<Vec<String>>,
    /// Tokens of the latest effects.
    tokens: VecDeque<String>,
}

impl RuntimeFile {
    fn new(state: State, since: DateTime<Utc>) -> Self {
        Self {
            state,
            since,
            agents: BTreeSet::new(),
            at_rest: BTreeSet::new(),
            command_bundles: None,
            tokens: VecDeque::new(),
        }
    }

    fn applied(&self, token: &EffectToken) -> bool {
        self.tokens.contains(&token.0)
    }

    fn note(&mut self, token: &EffectToken) {
        self.tokens.push_back(token.0.clone());
        while self.tokens.len() > TOKENS {
            self.tokens.pop_front();
        }
    }

    fn observation(&self, spec: &RuntimeSpec) -> RuntimeObservation {
        let provider_ref = embedded_ref(&spec.runtime_id);
        match self.state {
            State::Running => RuntimeObservation::Running {
                provider_ref,
                public_ip: None,
                since: self.since,
            },
            State::Stopped => RuntimeObservation::Stopped { provider_ref },
            State::Destroyed => RuntimeObservation::Absent,
        }
    }
}

/// Every runtime of this provider.
pub(super) struct Runtimes {
    files: SealedFiles,
    locks: KeyedLocks,
    clock: Arc<dyn Clock>,
}

impl Runtimes {
    pub(super) fn new(files: SealedFiles, clock: Arc<dyn Clock>) -> Self {
        Self {
            files,
            locks: KeyedLocks::default(),
            clock,
        }
    }

    pub(super) async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        let file = self.load(spec).await?;
        Ok(file.map_or(RuntimeObservation::Absent, |file| file.observation(spec)))
    }

    /// The runtime, and whether it was made just now.
    pub(super) async fn provision(
        &self,
        spec: &RuntimeSpec,
    ) -> Result<(RuntimeObservation, bool), DriverError> {
        let _held = self.hold(spec).await;
        match self.load(spec).await? {
            Some(file) if file.state == State::Destroyed => Err(destroyed(spec)),
            Some(file) => Ok((file.observation(spec), false)),
            None => {
                self.store(spec, &RuntimeFile::new(State::Running, self.clock.now()))
                    .await?;
                Ok((self.observe(spec).await?, true))
            }
        }
    }

    /// The runtime, and whether it was started just now. One that was never made, because its provisioning
    /// had failed, is made.
    pub(super) async fn start(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<(RuntimeObservation, bool), DriverError> {
        let (_, new) = self.provision(spec).await?;
        let (observation, changed) = self
            .change(spec, token, |file| file.state == State::Stopped, State::Running)
            .await?;
        Ok((observation, new || changed))
    }

    /// The runtime, and whether it was stopped just now.
    pub(super) async fn stop(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<(RuntimeObservation, bool), DriverError> {
        match self.load(spec).await? {
            None => return Ok((RuntimeObservation::Absent, false)),
            Some(file) if file.state == State::Destroyed => return Ok((RuntimeObservation::Absent, false)),
            Some(_) => {}
        }
        self.change(spec, token, |file| file.state == State::Running, State::Stopped)
            .await
    }

    /// The runtime, and whether its gateway was restarted just now. The gateway of a stopped one is not.
    pub(super) async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<(RuntimeObservation, bool), DriverError> {
        let (observation, changed) = self
            .change(spec, token, |file| file.state == State::Running, State::Running)
            .await?;
        match observation {
            RuntimeObservation::Running { .. } => Ok((observation, changed)),
            RuntimeObservation::Pending { .. }
            | RuntimeObservation::Stopped { .. }
            | RuntimeObservation::Absent
            | RuntimeObservation::Failed { .. } => Err(stopped(spec)),
        }
    }

    /// Marks it destroyed and returns the agents whose files are still to be removed. Chats and tasks under
    /// way see the mark and write nothing more.
    pub(super) async fn begin_destruction(&self, spec: &RuntimeSpec) -> Result<Vec<AgentId>, DriverError> {
        let _held = self.hold(spec).await;
        let mut file = self
            .load(spec)
            .await?
            .unwrap_or_else(|| RuntimeFile::new(State::Destroyed, self.clock.now()));
        if file.state != State::Destroyed {
            file.since = self.clock.now();
        }
        file.state = State::Destroyed;
        self.store_unless_destroyed(spec, &file).await?;
        Ok(file.agents.into_iter().collect())
    }

    /// Forgets the agents of a destroyed runtime once their files are removed.
    pub(super) async fn end_destruction(&self, spec: &RuntimeSpec) -> Result<(), DriverError> {
        let _held = self.hold(spec).await;
        let file = RuntimeFile::new(State::Destroyed, self.clock.now());
        self.store_unless_destroyed(spec, &file).await
    }

    /// Applies the owner's settings.
    pub(super) async fn configure(
        &self,
        spec: &RuntimeSpec,
        command_bundles: &[String],
    ) -> Result<(), DriverError> {
        let _held = self.hold(spec).await;
        let mut file = self.existing(spec).await?;
        if file.command_bundles.as_deref() != Some(command_bundles) {
            file.command_bundles = Some(command_bundles.to_owned());
            self.store(spec, &file).await?;
        }
        Ok(())
    }

    /// The command bundles that were applied, if any were.
    pub(super) async fn command_bundles(
        &self,
        spec: &RuntimeSpec,
    ) -> Result<Option<Vec<String>>, DriverError> {
        Ok(self.load(spec).await?.and_then(|file| file.command_bundles))
    }

    /// Notes that the agent is to do nothing; whether that was news.
    pub(super) async fn rest_agent(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<bool, DriverError> {
        let _held = self.hold(spec).await;
        let Some(mut file) = self.load(spec).await? else {
            return Ok(false);
        };
        let news = file.agents.contains(agent) && file.at_rest.insert(agent.clone());
        if news {
            self.store_unless_destroyed(spec, &file).await?;
        }
        Ok(news)
    }

    /// Notes that the agent is on it, and not at rest. A runtime that does not exist refuses.
    pub(super) async fn add_agent(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<(), DriverError> {
        let _held = self.hold(spec).await;
        let mut file = self.existing(spec).await?;
        let new = file.agents.insert(agent.clone());
        if file.at_rest.remove(agent) || new {
            self.store(spec, &file).await?;
        }
        Ok(())
    }

    /// Notes that the agent is not on it.
    pub(super) async fn forget_agent(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<(), DriverError> {
        let _held = self.hold(spec).await;
        let Some(mut file) = self.load(spec).await? else {
            return Ok(());
        };
        file.at_rest.remove(agent);
        if file.agents.remove(agent) {
            self.store_unless_destroyed(spec, &file).await
        } else {
            Ok(())
        }
    }

    /// Whether the runtime runs and the agent works on it.
    pub(super) async fn serves(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<bool, DriverError> {
        let file = self.load(spec).await?;
        Ok(file.is_some_and(|file| {
            file.state == State::Running && file.agents.contains(agent) && !file.at_rest.contains(agent)
        }))
    }

    /// Whether the agent is to do nothing for the time being.
    pub(super) async fn is_at_rest(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<bool, DriverError> {
        Ok(self
            .load(spec)
            .await?
            .is_some_and(|file| file.at_rest.contains(agent)))
    }

    /// Refuses unless it runs.
    pub(super) async fn require_running(&self, spec: &RuntimeSpec) -> Result<(), DriverError> {
        match self.existing(spec).await?.state {
            State::Running => Ok(()),
            State::Stopped => Err(stopped(spec)),
            State::Destroyed => Err(destroyed(spec)),
        }
    }

    async fn change(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
        applies: impl Fn(&RuntimeFile) -> bool + Send,
        to: State,
    ) -> Result<(RuntimeObservation, bool), DriverError> {
        let _held = self.hold(spec).await;
        let mut file = self.existing(spec).await?;
        if file.applied(token) {
            return Ok((file.observation(spec), false));
        }
        let changed = applies(&file);
        if changed {
            file.state = to;
            file.since = self.clock.now();
        }
        file.note(token);
        self.store(spec, &file).await?;
        Ok((file.observation(spec), changed))
    }

    async fn existing(&self, spec: &RuntimeSpec) -> Result<RuntimeFile, DriverError> {
        match self.load(spec).await? {
            Some(file) if file.state == State::Destroyed => Err(destroyed(spec)),
            Some(file) => Ok(file),
            None => Err(DriverError::Permanent(format!(
                "runtime {} does not exist",
                spec.runtime_id
            ))),
        }
    }

    async fn hold(&self, spec: &RuntimeSpec) -> tokio::sync::OwnedMutexGuard<()> {
        self.locks.lock(spec.runtime_id.as_str()).await
    }

    async fn load(&self, spec: &RuntimeSpec) -> Result<Option<RuntimeFile>, DriverError> {
        let text = match self.files.read(&Holder::runtime(spec), PATH).await {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(FileError::Destroyed) => {
                return Ok(Some(RuntimeFile::new(State::Destroyed, DateTime::UNIX_EPOCH)));
            }
            Err(FileError::Failed(error)) => return Err(error),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            DriverError::Permanent(format!(
                "the state of runtime {} cannot be read: {error}",
                spec.runtime_id
            ))
        })
    }

    async fn store(&self, spec: &RuntimeSpec, file: &RuntimeFile) -> Result<(), DriverError> {
        match self.write(spec, file).await {
            Err(FileError::Destroyed) => Err(destroyed(spec)),
            done => Ok(done?),
        }
    }

    /// As `store`, but a runtime whose key is destroyed needs no mark to be so.
    async fn store_unless_destroyed(
        &self,
        spec: &RuntimeSpec,
        file: &RuntimeFile,
    ) -> Result<(), DriverError> {
        match self.write(spec, file).await {
            Err(FileError::Destroyed) => Ok(()),
            done => Ok(done?),
        }
    }

    async fn write(&self, spec: &RuntimeSpec, file: &RuntimeFile) -> Result<(), FileError> {
        let text = serde_json::to_string(file)
            .map_err(|error| FileError::Failed(DriverError::Permanent(error.to_string())))?;
        self.files
            .write(&Holder::runtime(spec), &[(PATH.to_owned(), text)].into())
            .await
    }
}

fn stopped(spec: &RuntimeSpec) -> DriverError {
    DriverError::Transient(format!("runtime {} is stopped", spec.runtime_id))
}

fn destroyed(spec: &RuntimeSpec) -> DriverError {
    DriverError::Permanent(format!("runtime {} was destroyed", spec.runtime_id))
}
