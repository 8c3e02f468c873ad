//! A provider whose runtimes take their time, fail, and die by themselves.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use parking_lot::Mutex;
use reef_commands::ports::{
    AgentBundle, ChatChunk, ChatRequest, Clock, DriverError, EffectToken, NodeEvents, RuntimeDriver,
    RuntimeObservation, RuntimeSettings, RuntimeSpec, TaskAssignment, Usage,
};
use reef_domain::{AgentId, RuntimeId};

use crate::chance::Chance;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Coming,
    Up,
    Down,
}

/// The provider. What its nodes report goes over `reports`, which is set once there is a bus.
pub(crate) struct SimulatedDriver {
    chance: Chance,
    calm: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
    machines: Mutex<BTreeMap<RuntimeId, Machine>>,
    reports: Mutex<Option<Arc<dyn NodeEvents>>>,
    /// Tasks that were carried out to their end, and how often.
    pub(crate) carried_out: Mutex<BTreeMap<String, u32>>,
}

impl SimulatedDriver {
    pub(crate) fn new(chance: Chance, calm: Arc<AtomicBool>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            chance,
            calm,
            clock,
            machines: Mutex::default(),
            reports: Mutex::default(),
            carried_out: Mutex::default(),
        })
    }

    /// Its nodes report there from now on.
    pub(crate) fn reports_to(&self, reports: Arc<dyn NodeEvents>) {
        *self.reports.lock() = Some(reports);
    }

    /// One of the running machines dies; nobody is told.
    pub(crate) fn one_dies(&self) {
        let mut machines = self.machines.lock();
        let up: Vec<RuntimeId> = machines
            .iter()
            .filter(|(_, machine)| **machine == Machine::Up)
            .map(|(id, _)| id.clone())
            .collect();
        if let Some(id) = self.chance.pick(&up) {
            machines.insert(id.clone(), Machine::Down);
        }
    }

    /// Ids of the machines that exist at the provider.
    pub(crate) fn exist(&self) -> Vec<RuntimeId> {
        self.machines.lock().keys().cloned().collect()
    }

    fn answers(&self) -> Result<(), DriverError> {
        if self.calm.load(Ordering::SeqCst) || !self.chance.percent(8) {
            return Ok(());
        }
        if self.chance.percent(15) {
            return Err(DriverError::Permanent("it cannot be had".to_owned()));
        }
        Err(DriverError::Transient("the provider is away".to_owned()))
    }

    fn bring_up(&self, spec: &RuntimeSpec) -> RuntimeObservation {
        let mut machines = self.machines.lock();
        let machine = machines.entry(spec.runtime_id.clone()).or_insert(Machine::Coming);
        if *machine == Machine::Up || self.chance.percent(60) {
            *machine = Machine::Up;
        } else {
            *machine = Machine::Coming;
        }
        self.seen(spec, Some(*machine))
    }

    fn seen(&self, spec: &RuntimeSpec, machine: Option<Machine>) -> RuntimeObservation {
        let provider_ref = format!("sim-{}", spec.runtime_id);
        match machine {
            Some(Machine::Coming) => RuntimeObservation::Pending { provider_ref },
            Some(Machine::Up) => RuntimeObservation::Running {
                provider_ref,
                public_ip: None,
                since: self.clock.now(),
            },
            Some(Machine::Down) => RuntimeObservation::Stopped { provider_ref },
            None => RuntimeObservation::Absent,
        }
    }

    fn is_up(&self, spec: &RuntimeSpec) -> Result<(), DriverError> {
        let up = self.machines.lock().get(&spec.runtime_id) == Some(&Machine::Up);
        up.then_some(())
            .ok_or_else(|| DriverError::Transient("the machine is not up".to_owned()))
    }
}

#[async_trait]
impl RuntimeDriver for SimulatedDriver {
    fn provider(&self) -> &'static str {
        "embedded"
    }

    async fn provision(
        &self,
        spec: &RuntimeSpec,
        _: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.answers()?;
        Ok(self.bring_up(spec))
    }

    async fn start(&self, spec: &RuntimeSpec, _: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        self.answers()?;
        Ok(self.bring_up(spec))
    }

    async fn stop(&self, spec: &RuntimeSpec, _: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        self.answers()?;
        let mut machines = self.machines.lock();
        let machine = machines.get_mut(&spec.runtime_id).map(|machine| {
            *machine = Machine::Down;
            *machine
        });
        Ok(self.seen(spec, machine))
    }

    async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        _: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.answers()?;
        self.observe(spec).await
    }

    async fn destroy(&self, spec: &RuntimeSpec, _: &EffectToken) -> Result<(), DriverError> {
        self.answers()?;
        self.machines.lock().remove(&spec.runtime_id);
        Ok(())
    }

    async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        let machine = self.machines.lock().get(&spec.runtime_id).copied();
        Ok(self.seen(spec, machine))
    }

    async fn configure(
        &self,
        spec: &RuntimeSpec,
        _: &RuntimeSettings,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.answers()?;
        self.is_up(spec)
    }

    async fn push(&self, spec: &RuntimeSpec, _: &AgentBundle, _: &EffectToken) -> Result<(), DriverError> {
        self.answers()?;
        self.is_up(spec)
    }

    async fn rest_agent(&self, spec: &RuntimeSpec, _: &AgentId, _: &EffectToken) -> Result<(), DriverError> {
        self.answers()?;
        self.is_up(spec)
    }

    async fn remove_agent(&self, _: &RuntimeSpec, _: &AgentId, _: &EffectToken) -> Result<(), DriverError> {
        self.answers()
    }

    /// Waits for a person where the description says so; what is to be denied fails.
    async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        self.is_up(spec)?;
        let reports = self.reports.lock().clone().expect("the world has set it");
        let told = |error: reef_commands::CommandError| DriverError::Transient(error.to_string());
        if !reports.claim_task(&task.task_id).await.map_err(told)? {
            return Ok(());
        }
        self.answers()?;
        if task.description.starts_with("deny") {
            return reports
                .fail_task(&task.task_id, "denied", "DENY")
                .await
                .map_err(told);
        }
        if task.description.starts_with("confirm") && !task.approved {
            return reports
                .request_approval(&task.task_id, "REQUIRE CONFIRM", "a rule")
                .await
                .map_err(told);
        }
        *self
            .carried_out
            .lock()
            .entry(task.task_id.to_string())
            .or_default() += 1;
        reports
            .complete_task(&task.task_id, "done", Usage::default())
            .await
            .map_err(told)
    }

    async fn chat(
        &self,
        spec: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError> {
        self.is_up(spec)?;
        self.answers()?;
        let done = ChatChunk::Done {
            usage: Usage::default(),
            model: "simulated".to_owned(),
        };
        Ok(stream::iter([Ok(ChatChunk::Delta(request.message)), Ok(done)]).boxed())
    }
}
