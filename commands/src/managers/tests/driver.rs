//! A provider that does as it is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use parking_lot::Mutex;
use reef_domain::{AgentId, RuntimeId, TaskId};

use crate::ports::{
    AgentBundle, ChatChunk, ChatRequest, Clock, DriverError, EffectToken, NodeEvents, RuntimeDriver,
    RuntimeObservation, RuntimeSettings, RuntimeSpec, TaskAssignment, Usage,
};

/// What a machine of the provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    Up,
    Down,
    Broken,
}

#[derive(Default)]
struct State {
    machines: BTreeMap<RuntimeId, Machine>,
    agents: BTreeMap<AgentId, AgentBundle>,
    settings: BTreeMap<RuntimeId, RuntimeSettings>,
    at_rest: BTreeSet<AgentId>,
    judged_by: BTreeMap<TaskId, Option<String>>,
    calls: Vec<String>,
    tokens: Vec<(String, String)>,
    failed_once: BTreeSet<String>,
}

/// How the provider behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a whim of its own; any of them may meet"
)]
pub(super) struct Mood {
    /// The first call of every step fails for the moment.
    pub(super) each_fails_once: bool,
    /// Machines never come up.
    pub(super) never_up: bool,
    /// Nothing is ever stopped.
    pub(super) never_down: bool,
    /// Agents are not taken.
    pub(super) takes_no_agents: bool,
    /// Settings are not taken.
    pub(super) takes_no_settings: bool,
    /// It does not say what machines do.
    pub(super) silent: bool,
}

pub(super) struct FakeDriver {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    mood: Mutex<Mood>,
    reports: OnceLock<Arc<dyn NodeEvents>>,
}

impl FakeDriver {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
            mood: Mutex::default(),
            reports: OnceLock::new(),
        })
    }

    pub(super) fn reports_to(&self, reports: Arc<dyn NodeEvents>) {
        assert!(self.reports.set(reports).is_ok());
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    pub(super) fn machine(&self, id: &str) -> Option<Machine> {
        self.state.lock().machines.get(id).copied()
    }

    pub(super) fn make(&self, id: &str, machine: Option<Machine>) {
        let mut state = self.state.lock();
        match machine {
            Some(machine) => state.machines.insert(id.into(), machine),
            None => state.machines.remove(id),
        };
    }

    pub(super) fn bundle(&self, agent: &str) -> Option<AgentBundle> {
        self.state.lock().agents.get(agent).cloned()
    }

    /// The settings that a runtime took last.
    pub(super) fn settings(&self, runtime: &str) -> Option<RuntimeSettings> {
        self.state.lock().settings.get(runtime).cloned()
    }

    /// Whether the agent was put to rest.
    pub(super) fn rests(&self, agent: &str) -> bool {
        self.state.lock().at_rest.contains(agent)
    }

    /// The rules that a task was handed over with last.
    pub(super) fn judged_by(&self, task: &str) -> Option<String> {
        self.state.lock().judged_by.get(task).cloned().flatten()
    }

    /// Calls so far, `<step> <what>`.
    pub(super) fn calls(&self, step: &str) -> usize {
        self.state
            .lock()
            .calls
            .iter()
            .filter(|call| call.split(' ').next() == Some(step))
            .count()
    }

    /// Tokens under which a step was asked for.
    pub(super) fn tokens(&self, step: &str) -> BTreeSet<String> {
        let state = self.state.lock();
        state
            .tokens
            .iter()
            .filter(|(of, _)| of == step)
            .map(|(_, token)| token.clone())
            .collect()
    }

    fn called(&self, step: &str, what: &str, token: &str) -> Result<(), DriverError> {
        let mut state = self.state.lock();
        let call = format!("{step} {what}");
        state.calls.push(call.clone());
        state.tokens.push((step.to_owned(), token.to_owned()));
        if self.mood.lock().each_fails_once && state.failed_once.insert(call) {
            return Err(DriverError::Transient("try again".to_owned()));
        }
        Ok(())
    }

    fn seen(&self, id: &RuntimeId) -> RuntimeObservation {
        let provider_ref = format!("fake-{id}");
        match self.machine(id.as_str()) {
            Some(Machine::Up) => RuntimeObservation::Running {
                provider_ref,
                public_ip: None,
                since: self.clock.now(),
            },
            Some(Machine::Down) => RuntimeObservation::Stopped { provider_ref },
            Some(Machine::Broken) => RuntimeObservation::Failed {
                reason: "broken".to_owned(),
            },
            None => RuntimeObservation::Absent,
        }
    }

    fn bring_up(&self, spec: &RuntimeSpec) -> RuntimeObservation {
        if self.mood.lock().never_up {
            return RuntimeObservation::Pending {
                provider_ref: format!("fake-{}", spec.runtime_id),
            };
        }
        let broken = self.machine(spec.runtime_id.as_str()) == Some(Machine::Broken);
        if !broken {
            self.make(spec.runtime_id.as_str(), Some(Machine::Up));
        }
        self.seen(&spec.runtime_id)
    }
}

#[async_trait]
impl RuntimeDriver for FakeDriver {
    fn provider(&self) -> &'static str {
        "embedded"
    }

    async fn provision(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.called("provision", spec.runtime_id.as_str(), &token.0)?;
        Ok(self.bring_up(spec))
    }

    async fn start(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.called("start", spec.runtime_id.as_str(), &token.0)?;
        Ok(self.bring_up(spec))
    }

    async fn stop(&self, spec: &RuntimeSpec, token: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        self.called("stop", spec.runtime_id.as_str(), &token.0)?;
        if !self.mood.lock().never_down && self.machine(spec.runtime_id.as_str()).is_some() {
            self.make(spec.runtime_id.as_str(), Some(Machine::Down));
        }
        Ok(self.seen(&spec.runtime_id))
    }

    async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.called("restart_gateway", spec.runtime_id.as_str(), &token.0)?;
        Ok(self.seen(&spec.runtime_id))
    }

    async fn destroy(&self, spec: &RuntimeSpec, token: &EffectToken) -> Result<(), DriverError> {
        self.called("destroy", spec.runtime_id.as_str(), &token.0)?;
        self.make(spec.runtime_id.as_str(), None);
        Ok(())
    }

    async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        if self.mood.lock().silent {
            return Err(DriverError::Transient("no answer".to_owned()));
        }
        Ok(self.seen(&spec.runtime_id))
    }

    async fn configure(
        &self,
        spec: &RuntimeSpec,
        settings: &RuntimeSettings,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        self.called("configure", spec.runtime_id.as_str(), &token.0)?;
        if self.mood.lock().takes_no_settings {
            return Err(DriverError::Permanent("no such firewall".to_owned()));
        }
        self.state
            .lock()
            .settings
            .insert(spec.runtime_id.clone(), settings.clone());
        Ok(())
    }

    async fn push(
        &self,
        _: &RuntimeSpec,
        bundle: &AgentBundle,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        self.called("push", bundle.agent_id.as_str(), &token.0)?;
        if self.mood.lock().takes_no_agents {
            return Err(DriverError::Transient("no room".to_owned()));
        }
        let mut state = self.state.lock();
        state.at_rest.remove(&bundle.agent_id);
        state.agents.insert(bundle.agent_id.clone(), bundle.clone());
        Ok(())
    }

    async fn rest_agent(
        &self,
        _: &RuntimeSpec,
        agent: &AgentId,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        self.called("rest_agent", agent.as_str(), &token.0)?;
        self.state.lock().at_rest.insert(agent.clone());
        Ok(())
    }

    async fn remove_agent(
        &self,
        _: &RuntimeSpec,
        agent: &AgentId,
        token: &EffectToken,
    ) -> Result<(), DriverError> {
        self.called("remove_agent", agent.as_str(), &token.0)?;
        self.state.lock().agents.remove(agent);
        Ok(())
    }

    /// What is due is done at once, and there is no other job.
    async fn run_cron(&self, _: &RuntimeSpec, bundle: &AgentBundle) -> Result<(), DriverError> {
        self.called("run_cron", bundle.agent_id.as_str(), "")
    }

    /// "confirm ..." asks for confirmation, "refuse ..." fails, "forget ..." reports nothing, "hang ..."
    /// never ends, anything else is done at once.
    async fn run_task(&self, _: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        self.called("run_task", task.task_id.as_str(), "")?;
        let rules = task.bundle.policy_rules.clone();
        self.state.lock().judged_by.insert(task.task_id.clone(), rules);
        let reports = self.reports.get().expect("set by the stage");
        let lost = |error: crate::CommandError| DriverError::Transient(error.to_string());
        if !reports.claim_task(&task.task_id).await.map_err(lost)? {
            return Ok(());
        }
        let id = &task.task_id;
        match task.description.split(' ').next() {
            Some("confirm") if !task.approved => reports
                .request_approval(id, "REQUIRE CONFIRM: it", "it is written")
                .await
                .map_err(lost),
            Some("refuse") => reports.fail_task(id, "denied", "DENY: it").await.map_err(lost),
            Some("forget") => Ok(()),
            Some("hang") => std::future::pending().await,
            _ => {
                let usage = Usage {
                    input_tokens: 1,
                    output_tokens: 2,
                };
                reports.complete_task(id, "done", usage).await.map_err(lost)
            }
        }
    }

    /// Says the message back, a word at a time; "break ..." breaks off, "refuse ..." says nothing.
    async fn chat(
        &self,
        _: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError> {
        self.called("chat", request.conversation_id.as_str(), "")?;
        let words: Vec<String> = request
            .message
            .split_inclusive(' ')
            .map(ToOwned::to_owned)
            .collect();
        let done = ChatChunk::Done {
            usage: Usage {
                input_tokens: request.history.len() as u64,
                output_tokens: words.len() as u64,
            },
            model: "echo".to_owned(),
        };
        let last = match words.first().map(|word| word.trim()) {
            Some("refuse") => return Err(DriverError::Permanent("no".to_owned())),
            Some("break") => Err(DriverError::Transient("broke off".to_owned())),
            _ => Ok(done),
        };
        let deltas = words.into_iter().map(|word| Ok(ChatChunk::Delta(word)));
        Ok(stream::iter(deltas.chain([last])).boxed())
    }
}
