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
    Answer, Bus, Drivers, Gateways, Services, account::Plans, managers::Context, memory::MemoryStore,
    ports::Clock, task::NodeReports,
};
use reef_domain::{AccountId, UserId};
use serde_json::json;

use crate::{
    chance::{Chance, PausedClock},
    clients::{Customer, Open},
    driver::SimulatedDriver,
    faults::FaultyLog,
    managers::{self, MANAGERS, Progress},
};

/// Everything there is.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) driver: Arc<SimulatedDriver>,
    pub(crate) progress: Progress,
    /// Answers under their idempotency keys.
    pub(crate) answers: Vec<(String, Answer)>,
    pub(crate) services: Services,
    pub(crate) calm: Arc<AtomicBool>,
    pub(crate) nodes: Vec<Context>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) open: Vec<Open>,
    pub(crate) next_key: usize,
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
            sightings: store.clone(),
            gateways: Gateways::default(),
            plans: Plans::default(),
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

    pub(crate) fn node(&self) -> Context {
        self.chance.pick(&self.nodes).expect("there are nodes").clone()
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
