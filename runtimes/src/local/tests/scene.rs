//! A hub with one registered machine, and machines that are only the ends of channels.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use reef_commands::{
    Bus, Caller, Gateways, RandomEntropy, Request, Services, UseCase,
    account::{Plans, RegisterAccount},
    agent::DeployAgent,
    digest_key,
    machine::{ActivateMachine, ConnectedMachine, Desk, RegisterMachine, recognise},
    memory::MemoryStore,
    ports::{
        AgentBundle, ChatRequest, Clock, EffectToken, EventLog as _, LogLines as _, NodeLink, NodeLinks as _,
        Outgoing, RuntimeSpec, SystemClock, TaskAssignment,
    },
    task::{NodeReports, SubmitTask},
    template::seed::seed,
};
use reef_domain::{
    AgentId, TaskId,
    runtime::{Runtime, RuntimeCommand, RuntimeStatus},
    task::{Task, TaskStatus},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::local::{
    Hub, HubConfig, LocalDriver,
    protocol::{FromNode, FromServer, Hello, Outcome, Report, Verdict},
};

const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Scene {
    pub(super) store: Arc<MemoryStore>,
    pub(super) bus: Bus,
    pub(super) hub: Hub,
    pub(super) driver: LocalDriver,
    pub(super) machine: ConnectedMachine,
    agent: AgentId,
}

fn body<C: UseCase>(body: Value) -> C {
    serde_json::from_value(body).unwrap()
}

async fn send<C: UseCase>(bus: &Bus, command: C) -> (String, Value) {
    let request = Request::new(Caller::operator(), "spec");
    let answer = bus.execute(&command, request).await.unwrap();
    (answer.aggregate.id, answer.result.unwrap_or_default())
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with_grace(TimeDelta::minutes(1)).await
    }

    /// A machine that is away has stopped at once.
    pub(super) async fn without_grace() -> Self {
        Self::with_grace(TimeDelta::zero()).await
    }

    async fn with_grace(grace: TimeDelta) -> Self {
        let store = MemoryStore::new(Arc::new(SystemClock));
        let bus = Bus::new(Services {
            log: store.clone(),
            views: store.clone(),
            vault: store.clone(),
            workspace: store.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(RandomEntropy),
            log_lines: store.clone(),
            sightings: store.clone(),
            gateways: Gateways::default(),
            plans: Plans::default(),
        });
        seed(&bus).await.unwrap();
        Self::with(store, bus, "one", grace).await
    }

    /// Another account with a machine, on the same server.
    pub(super) async fn new_in(other: &Self) -> Self {
        let grace = TimeDelta::minutes(1);
        Self::with(other.store.clone(), other.bus.clone(), "other", grace).await
    }

    async fn with(store: Arc<MemoryStore>, bus: Bus, name: &str, grace: TimeDelta) -> Self {
        let email = format!("{name}@example.com");
        let register: RegisterAccount = body(json!({ "name": name, "owner_email": email }));
        let (account, _) = send(&bus, register).await;
        let register: RegisterMachine = body(json!({ "name": "Laptop", "account_id": account }));
        let (_, shown) = send(&bus, register).await;
        let activate: ActivateMachine = body(json!({ "activation_code": shown["activation_code"] }));
        let (_, shown) = send(&bus, activate).await;
        let token = digest_key(shown["node_token"].as_str().unwrap());
        let machine = recognise(&bus, &token).await.unwrap().unwrap();
        let templates = &bus.services().views;
        let query = reef_projections::Query {
            limit: 1,
            ..Default::default()
        };
        let first = templates.list("templates", &query).await;
        let template = first.unwrap().data[0].id.to_string();
        let deploy: DeployAgent = body(json!({
            "template_id": template, "name": "Ada", "account_id": account, "runtime_id": machine.runtime_id,
        }));
        let (agent, _) = send(&bus, deploy).await;
        let desk = Desk::new(bus.clone(), "here", grace);
        let node = Arc::new(NodeReports::new(bus.clone(), TimeDelta::hours(1)));
        let config = HubConfig {
            wait: Duration::from_millis(200),
            ..HubConfig::default()
        };
        let hub = Hub::new(desk, node, store.clone(), config);
        Self {
            driver: LocalDriver::new(hub.clone()),
            store,
            bus,
            hub,
            machine,
            agent: agent.into(),
        }
    }

    pub(super) fn now() -> DateTime<Utc> {
        SystemClock.now()
    }

    pub(super) async fn operator<C: UseCase>(&self, command: C) {
        send(&self.bus, command).await;
    }

    pub(super) fn spec(&self) -> RuntimeSpec {
        RuntimeSpec {
            runtime_id: self.machine.runtime_id.clone(),
            account_id: self.machine.account_id.clone(),
            owner_user_id: None,
            provider_ref: Some(self.machine.machine_id.to_string()),
            region: None,
            image_ref: None,
            ssh_public_key: None,
        }
    }

    pub(super) async fn task(&self, description: &str) -> TaskId {
        let submit: SubmitTask = body(json!({ "agent_id": self.agent, "description": description }));
        send(&self.bus, submit).await.0.into()
    }

    pub(super) async fn task_status(&self, task: &TaskId) -> TaskStatus {
        self.bus.state::<Task>(task).await.unwrap().unwrap().status
    }

    pub(super) async fn runtime(&self) -> Runtime {
        let loaded = self.bus.state::<Runtime>(&self.machine.runtime_id).await;
        Runtime::clone(&loaded.unwrap().unwrap().state)
    }

    /// Waits until the runtime has this status.
    pub(super) async fn becomes(&self, status: RuntimeStatus) {
        let mut head = self.store.watch();
        let reached = async {
            while self.runtime().await.status != status {
                head.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, reached).await.expect("it becomes so");
    }

    /// The runtime was seen running.
    pub(super) async fn runs(&self) {
        let running = RuntimeCommand::ReportRunning {
            provider_ref: self.machine.machine_id.to_string(),
            public_ip: None,
            since: Self::now(),
        };
        let request = Request::new(Caller::system("spec"), "spec");
        let id = &self.machine.runtime_id;
        self.bus.decide::<Runtime>(id, running, &request).await.unwrap();
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.store.tail(&self.machine.runtime_id, 0, 100);
        lines.into_iter().map(|line| line.message).collect()
    }

    fn call_in_with(&self, room: usize) -> FakeMachine {
        let (say, incoming) = mpsc::channel(64);
        let (outgoing, heard) = mpsc::channel(room);
        let (hub, machine) = (self.hub.clone(), self.machine.clone());
        let link = NodeLink { incoming, outgoing };
        FakeMachine {
            say,
            heard,
            kept: VecDeque::new(),
            served: tokio::spawn(async move { hub.serve(machine, link).await }),
        }
    }

    /// A connection on which nothing was said yet.
    pub(super) fn call_in(&self) -> FakeMachine {
        self.call_in_with(1024)
    }

    pub(super) async fn connect(&self) -> FakeMachine {
        self.connect_as("it").await
    }

    pub(super) async fn connect_as(&self, instance: &str) -> FakeMachine {
        let mut machine = self.call_in();
        machine.greet(instance).await;
        machine
    }

    /// One that can be sent two frames before it has to read.
    pub(super) async fn connect_narrow(&self) -> FakeMachine {
        let mut machine = self.call_in_with(2);
        machine.greet("it").await;
        machine
    }
}

/// The other end of a connection.
pub(super) struct FakeMachine {
    say: mpsc::Sender<String>,
    heard: mpsc::Receiver<Outgoing>,
    /// Came while something else was waited for.
    kept: VecDeque<FromServer>,
    served: JoinHandle<()>,
}

impl FakeMachine {
    pub(super) async fn say_text(&self, text: &str) {
        self.say.send(text.to_owned()).await.unwrap();
    }

    pub(super) async fn say(&self, frame: &FromNode) {
        self.say_text(&serde_json::to_string(frame).unwrap()).await;
    }

    pub(super) async fn hello(&self, versions: &[u32], instance: &str) {
        let hello = Hello {
            versions: versions.to_vec(),
            software: "fake/1".to_owned(),
            engine: "fake".to_owned(),
            capabilities: Vec::new(),
            instance: instance.to_owned(),
        };
        self.say(&FromNode::Hello(hello)).await;
    }

    async fn greet(&mut self, instance: &str) {
        self.hello(&[1], instance).await;
        assert!(matches!(self.hear().await, Some(FromServer::Welcome(_))));
        self.says_it_lives().await;
    }

    /// The next frame; `None`: the connection has ended.
    pub(super) async fn hear(&mut self) -> Option<FromServer> {
        match self.kept.pop_front() {
            Some(kept) => Some(kept),
            None => self.hear_new().await,
        }
    }

    async fn hear_new(&mut self) -> Option<FromServer> {
        let heard = timeout(PATIENCE, self.heard.recv())
            .await
            .expect("something is said");
        match heard? {
            Outgoing::Frame(text) => Some(serde_json::from_str(&text).unwrap()),
            Outgoing::Close { .. } => None,
        }
    }

    /// The next request.
    pub(super) async fn request(&mut self) -> (u64, super::Call) {
        match self.hear().await {
            Some(FromServer::Request { id, call, .. }) => (id, call),
            other => panic!("{other:?} is no request"),
        }
    }

    pub(super) async fn answer(&self, id: u64, outcome: Outcome) {
        self.say(&FromNode::Answer { id, outcome }).await;
    }

    /// Reports, and what came of it.
    pub(super) async fn report(&mut self, seq: u64, report: Report) -> Verdict {
        self.say(&FromNode::Report { seq, report }).await;
        loop {
            match self.hear_new().await {
                Some(FromServer::Ack {
                    seq: acknowledged,
                    verdict,
                }) if acknowledged == seq => return verdict,
                Some(other) => self.kept.push_back(other),
                None => panic!("the connection ended before {seq} was acknowledged"),
            }
        }
    }

    /// Everything that was said before has been heard.
    pub(super) async fn says_it_lives(&mut self) {
        let claim = Report::TaskClaimed {
            task_id: "task_of_nobody".into(),
        };
        assert_eq!(self.report(0, claim).await, Verdict::Declined { over: true });
    }

    /// The code that the connection is closed with.
    pub(super) async fn closed(&mut self) -> u16 {
        let wait = Duration::from_mins(2);
        loop {
            match timeout(wait, self.heard.recv()).await.expect("it is closed") {
                Some(Outgoing::Close { code, .. }) => return code,
                Some(Outgoing::Frame(_)) => {}
                None => panic!("it ended without being told why"),
            }
        }
    }

    pub(super) async fn hang_up(self) {
        drop(self.say);
        timeout(PATIENCE, self.served).await.unwrap().unwrap();
    }
}

pub(super) fn token() -> EffectToken {
    EffectToken("spec".to_owned())
}

pub(super) fn bundle() -> AgentBundle {
    AgentBundle {
        agent_id: "agt_1".into(),
        name: "Ada".to_owned(),
        model: "reef-1".to_owned(),
        skills: Vec::new(),
        installed_skills: Vec::new(),
        policy_rules: None,
        command_bundles: Vec::new(),
        workspace: [].into(),
        files: None,
    }
}

pub(super) fn chat(message: &str) -> ChatRequest {
    ChatRequest {
        conversation_id: "conv_1".into(),
        history: Vec::new(),
        message: message.to_owned(),
        bundle: bundle(),
    }
}

pub(super) fn task(id: &TaskId) -> TaskAssignment {
    TaskAssignment {
        task_id: id.clone(),
        description: "count the fish".to_owned(),
        approved: false,
        bundle: bundle(),
    }
}
