//! Two nodes, their clients, and everything that may happen next.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use reef_commands::{
    Answer, Bus, Caller, CommandError, Drivers, Request, Services, find_command, managers::Context,
    memory::MemoryStore, ports::Clock, task::NodeReports,
};
use reef_domain::{AccountId, Actor, ActorKind, Dialect, UserId};
use serde_json::{Value, json};

use crate::{
    chance::{Chance, PausedClock, trace},
    driver::SimulatedDriver,
    faults::FaultyLog,
    managers::{self, MANAGERS, Progress},
};

/// A command that had no answer, or one that says it may have been carried out.
struct Open {
    key: String,
    name: &'static str,
    body: Value,
    account: Option<usize>,
}

/// A customer.
#[derive(Debug, Clone)]
struct Customer {
    account: AccountId,
    user: UserId,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) driver: Arc<SimulatedDriver>,
    progress: Progress,
    /// Answers under their idempotency keys.
    pub(crate) answers: Vec<(String, Answer)>,
    services: Services,
    calm: Arc<AtomicBool>,
    nodes: Vec<Context>,
    customers: Vec<Customer>,
    open: Vec<Open>,
    next_key: usize,
}

impl World {
    /// Two nodes and two customers.
    pub(crate) async fn new(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let clock: Arc<dyn Clock> = PausedClock::new();
        let store = MemoryStore::new(Arc::clone(&clock));
        let calm = Arc::new(AtomicBool::new(true));
        let log = FaultyLog::new(Arc::clone(&store), chance.fork(), Arc::clone(&calm));
        let driver = SimulatedDriver::new(chance.fork(), Arc::clone(&calm), Arc::clone(&clock));
        let services = Services {
            log: Arc::new(log),
            views: store.clone(),
            vault: store.clone(),
            workspace: store.clone(),
            clock,
            entropy: Arc::new(chance.fork()),
            log_lines: store.clone(),
        };
        let mut world = Self {
            chance,
            store,
            driver,
            progress: Progress::default(),
            answers: Vec::new(),
            services,
            calm,
            nodes: Vec::new(),
            customers: Vec::new(),
            open: Vec::new(),
            next_key: 0,
        };
        world.nodes = (0..2).map(|_| world.fresh_node()).collect();
        world.populate().await;
        world.calm.store(false, Ordering::SeqCst);
        world
    }

    /// A node whose process has just started: it remembers nothing.
    fn fresh_node(&self) -> Context {
        let bus = Bus::new(self.services.clone());
        self.driver
            .reports_to(Arc::new(NodeReports::new(bus.clone(), TimeDelta::minutes(30))));
        let driver: Arc<dyn reef_commands::ports::RuntimeDriver> = self.driver.clone();
        Context {
            bus,
            drivers: Drivers::new([driver]),
        }
    }

    async fn populate(&mut self) {
        let bundle = json!({ "agent": { "model": "m" } });
        let template = json!({ "slug": "fish", "name": "Fish", "bundle": bundle });
        self.made("PublishTemplate", template).await;
        for number in 0..2 {
            let body =
                json!({ "name": format!("c{number}"), "owner_email": format!("c{number}@example.com") });
            let answer = self.made("RegisterAccount", body).await;
            let account = AccountId::from(answer.aggregate.id.as_str());
            let user = answer
                .result
                .as_ref()
                .and_then(|result| result["user_id"].as_str());
            let user = UserId::from(user.expect("a registered account has an owner"));
            let plan = json!({ "id": "p", "name": "P", "metering_interval_s": 60, "max_active_agents": 2 });
            self.made("AssignPlan", json!({ "account_id": account, "plan": plan }))
                .await;
            let credits = json!({ "account_id": account, "amount_micro": 3_000_000 });
            self.made("GrantCredits", credits).await;
            self.customers.push(Customer { account, user });
        }
    }

    /// The next thing happens, or several at once.
    pub(crate) async fn step(&mut self) {
        match self.chance.below(100) {
            0..30 => self.clients_act(1, false).await,
            30..45 => self.clients_act(3, false).await,
            45..60 => self.clients_act(2, true).await,
            60..65 => self.a_client_tries_again().await,
            65..85 => self.clients_act(0, true).await,
            85..91 => {
                let (which, node) = (self.chance.below(3), self.node());
                managers::sweep(which, &node).await;
            }
            91..94 => self.time_passes().await,
            94..96 => self.driver.one_dies(),
            _ => {
                let index = self.chance.below(self.nodes.len());
                self.nodes[index] = self.fresh_node();
            }
        }
    }

    /// Most often a moment, sometimes longer than any deadline.
    async fn time_passes(&self) {
        let longest_s = if self.chance.percent(15) { 3_600 } else { 60 };
        let seconds = u64::try_from(self.chance.below(longest_s)).expect("a short time");
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    fn node(&self) -> Context {
        self.chance.pick(&self.nodes).expect("there are nodes").clone()
    }

    async fn a_client_tries_again(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let open = self.open.swap_remove(self.chance.below(self.open.len()));
        self.send(open).await;
    }

    /// Several clients act at the same moment, and a manager moves meanwhile, each on some node.
    async fn clients_act(&mut self, clients: usize, a_manager_moves: bool) {
        let asked: Vec<Open> = (0..clients).map(|_| self.something_to_ask()).collect();
        let mut progress = std::mem::take(&mut self.progress);
        let (which, count, node) = (
            self.chance.below(MANAGERS),
            1 + self.chance.below(40),
            self.node(),
        );
        let manager = async {
            if a_manager_moves {
                progress
                    .advance(which, count, &self.store, &node, &self.chance)
                    .await;
            }
        };
        let asking = futures::future::join_all(asked.iter().map(|open| self.ask(open)));
        let (ended, ()) = tokio::join!(asking, manager);
        self.progress = progress;
        for (open, ended) in asked.into_iter().zip(ended) {
            self.note(open, ended);
        }
    }

    /// A command, most often about what exists, sometimes about what is another's.
    fn something_to_ask(&mut self) -> Open {
        let customer = self.chance.below(self.customers.len());
        let (name, body) = self.command_of(customer);
        let caller = if name == "GrantCredits" {
            None
        } else {
            Some(customer)
        };
        self.open(name, body, caller)
    }

    fn command_of(&self, customer: usize) -> (&'static str, Value) {
        let whose = if self.chance.percent(5) {
            1 - customer
        } else {
            customer
        };
        let account = self.customers[whose].account.clone();
        let of = |kind: &str| {
            let events = self.store.events();
            let mut ids: Vec<String> = events
                .iter()
                .filter(|event| event.aggregate_type == kind && event.sequence == 1)
                .filter(|event| event.account_id.as_ref() == Some(&account))
                .map(|event| event.aggregate_id.to_string())
                .collect();
            // The newest are the likeliest to be of interest.
            ids.reverse();
            ids.truncate(4);
            self.chance
                .pick(&ids)
                .cloned()
                .unwrap_or_else(|| format!("{kind}_unknown"))
        };
        let key = self.next_key;
        let either = |one, other| if self.chance.percent(50) { one } else { other };
        match self.chance.below(25) {
            0..3 => ("DeployAgent", json!({ "name": "a", "template_id": "tmpl_fish" })),
            3..9 => {
                let what = ["count", "count", "confirm", "confirm", "deny"][self.chance.below(5)];
                let description = format!("{what} {key}");
                (
                    "SubmitTask",
                    json!({ "agent_id": of("agent"), "description": description }),
                )
            }
            9..13 => (
                either("ApproveTask", "RejectTask"),
                json!({ "task_id": of("task") }),
            ),
            13 => ("StopAgent", json!({ "agent_id": of("agent") })),
            14 | 15 => ("StartAgent", json!({ "agent_id": of("agent") })),
            16 => ("DeleteAgent", json!({ "agent_id": of("agent") })),
            17 => ("RestartAgent", json!({ "agent_id": of("agent") })),
            18 | 19 => (
                "CreatePolicy",
                json!({ "name": format!("p{key}"), "rules": "ALLOW: count" }),
            ),
            20 => ("DeletePolicy", json!({ "policy_id": of("policy") })),
            21 => (
                "UpdatePolicy",
                json!({ "policy_id": of("policy"), "name": format!("p{key}") }),
            ),
            22 => (
                "AttachAgentPolicy",
                json!({ "agent_id": of("agent"), "policy_id": of("policy") }),
            ),
            23 if self.chance.percent(50) => ("IssueApiKey", json!({ "name": "k" })),
            23 => ("RevokeApiKey", json!({ "key_id": of("api_key") })),
            _ => (
                "GrantCredits",
                json!({ "account_id": account, "amount_micro": 500_000 }),
            ),
        }
    }

    fn open(&mut self, name: &'static str, body: Value, account: Option<usize>) -> Open {
        let key = format!("key-{}", self.next_key);
        self.next_key += 1;
        Open {
            key,
            name,
            body,
            account,
        }
    }

    async fn send(&mut self, open: Open) -> Option<Answer> {
        let ended = self.ask(&open).await;
        self.note(open, ended)
    }

    async fn ask(&self, open: &Open) -> Result<Answer, CommandError> {
        let caller = open.account.map_or_else(Caller::operator, |customer| {
            let Customer { account, user } = self.customers[customer].clone();
            Caller {
                actor: Actor::new(ActorKind::User, user.as_str()),
                account_id: Some(account),
                user_id: Some(user),
                dialect: Dialect::Native,
                scopes: vec!["*".to_owned()],
            }
        });
        let request = Request::new(caller, open.key.as_str()).once(open.key.as_str());
        let command = find_command(open.name).unwrap_or_else(|| panic!("no command {}", open.name));
        let body = serde_json::to_vec(&open.body).expect("a body is JSON");
        let node = self.node();
        let ended = command.run(&node.bus, &body, request).await;
        let told = ended.as_ref().map(|answer| answer.position);
        trace(&format!("{} {} {}: {told:?}", open.key, open.name, open.body));
        ended
    }

    fn note(&mut self, open: Open, ended: Result<Answer, CommandError>) -> Option<Answer> {
        match ended {
            Ok(answer) => {
                self.answers.push((open.key, answer.clone()));
                Some(answer)
            }
            Err(CommandError::Corrupt(reason)) => panic!("{} {}: corrupt: {reason}", open.name, open.body),
            Err(CommandError::Malformed { field, message }) => {
                panic!("{} {}: {field}: {message}", open.name, open.body)
            }
            Err(error) => {
                if error.is_transient() {
                    self.open.push(open);
                }
                None
            }
        }
    }

    /// Asks at once, for the beginning.
    async fn made(&mut self, name: &'static str, body: Value) -> Answer {
        let open = self.open(name, body, None);
        self.send(open).await.expect("it is still calm")
    }

    /// No more faults: everything that was begun comes to its end.
    pub(crate) async fn settle(&mut self) {
        self.calm.store(true, Ordering::SeqCst);
        for open in std::mem::take(&mut self.open) {
            self.send(open).await;
        }
        for round in 0..200 {
            for which in 0..MANAGERS {
                let node = self.node();
                self.progress
                    .advance(which, usize::MAX, &self.store, &node, &self.chance)
                    .await;
            }
            let node = self.node();
            self.progress.retry_parked(&node).await;
            let before = self.store.events().len();
            for which in 0..3 {
                let node = self.node();
                managers::sweep(which, &node).await;
            }
            let still = self.store.events().len() == before && self.progress.is_at(before);
            if still && round > 3 {
                return;
            }
            tokio::time::advance(Duration::from_mins(5)).await;
        }
        panic!("it never settles");
    }

    /// The ports, without faults by now.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }
}
