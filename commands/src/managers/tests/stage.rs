//! Everything in memory, with the managers of one or two nodes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::{AgentId, Dialect, Envelope, RuntimeId, TaskId, account::Plan, template};
use reef_projections::views::{agent::Agents, task::Tasks};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::driver::FakeDriver;
use crate::{
    Answer, Bus, Drivers, Gateways, RandomEntropy, Services,
    account::{AssignPlan, Plans},
    agent::DeployAgent,
    follower::{Cause, EffectError, Follower, FollowerConfig, Intent, ProcessManager},
    ledger::GrantCredits,
    managers::{
        Context, Managers, cleanup::Cleanup, cron::CronJobs, metering::Metering, provisioning::Provisioning,
        tasks,
    },
    memory::MemoryStore,
    ports::{Checkpoints, Clock, RuntimeDriver},
    spec::{Member, World, body},
    task::{NodeReports, SubmitTask},
    template::PublishTemplate,
};

/// Time as tokio's paused clock has it.
struct PausedClock {
    start: tokio::time::Instant,
}

impl Clock for PausedClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.start.elapsed()).expect("in range");
        DateTime::from_timestamp(1_760_000_000, 0).expect("in range") + passed
    }
}

/// Longest time anything is waited for, by the paused clock.
const PATIENCE: Duration = Duration::from_mins(30);

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) driver: Arc<FakeDriver>,
    pub(super) member: Member,
}

impl Stage {
    /// An account of the dialect with 100 credits, and a template.
    pub(super) async fn new(dialect: Dialect) -> Self {
        let clock = Arc::new(PausedClock {
            start: tokio::time::Instant::now(),
        });
        let store = MemoryStore::new(clock.clone());
        let bus = Bus::new(Services {
            log: store.clone(),
            views: store.clone(),
            vault: store.clone(),
            workspace: store.clone(),
            clock: clock.clone(),
            entropy: Arc::new(RandomEntropy),
            log_lines: store.clone(),
            sightings: store.clone(),
            gateways: Gateways::default(),
            plans: Plans::default(),
        });
        let driver = FakeDriver::new(clock);
        driver.reports_to(Arc::new(NodeReports::new(bus.clone(), TimeDelta::minutes(5))));
        let world = World { bus, store };
        let member = world.account("ada", dialect).await;
        let grant = GrantCredits {
            account_id: member.account.clone(),
            amount_micro: 100_000_000,
            grant_id: None,
            description: String::new(),
        };
        world.operator(grant).await.unwrap();
        let content = template::TemplateContent {
            slug: "research".to_owned(),
            name: "Research".to_owned(),
            bundle: serde_json::from_value(serde_json::json!({ "agent": { "model": "m-1" } })).unwrap(),
            default_policy: "ALLOW: research".to_owned(),
            ..template::TemplateContent::default()
        };
        world.operator(PublishTemplate { content }).await.unwrap();
        Self {
            world,
            driver,
            member,
        }
    }

    pub(super) async fn plan(&self, change: impl FnOnce(&mut Plan)) {
        let mut plan = Plan::for_dialect(self.member.caller.dialect);
        change(&mut plan);
        let assign = AssignPlan {
            account_id: self.member.account.clone(),
            plan,
        };
        self.world.operator(assign).await.unwrap();
    }

    pub(super) fn context(&self) -> Context {
        let drivers = Drivers::new([self.driver.clone() as Arc<dyn RuntimeDriver>]);
        Context {
            bus: self.world.bus.clone(),
            drivers,
        }
    }

    /// Starts the managers and sweeps of one node.
    pub(super) fn managers(&self) -> Managers {
        let checkpoints: Arc<dyn Checkpoints> = self.world.store.clone();
        Managers::start(
            &self.context(),
            &checkpoints,
            "node-1",
            &FollowerConfig::default(),
        )
    }

    /// Starts managers that perform every intent twice, as after a crash before the checkpoint.
    pub(super) fn managers_doing_all_twice(&self) -> JoinSet<()> {
        let mut running = JoinSet::new();
        self.twice(&mut running, Provisioning::new(self.context()));
        self.twice(&mut running, tasks::Tasks::new(self.context()));
        self.twice(&mut running, Metering::new(self.context()));
        self.twice(&mut running, Cleanup::new(self.context()));
        self.twice(&mut running, CronJobs::new(self.context()));
        running
    }

    fn twice<M: ProcessManager>(&self, running: &mut JoinSet<()>, manager: M) {
        let store = &self.world.store;
        let config = FollowerConfig::default();
        let follower = Follower::new(
            Arc::new(Twice(manager)),
            store.clone(),
            store.clone(),
            "node-1",
            config,
        );
        running.spawn(async move { follower.run(CancellationToken::new()).await });
    }

    /// Waits until that holds.
    pub(super) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            waited.await.is_ok(),
            "{what} never came about: {:?}",
            self.world.event_types()
        );
    }

    pub(super) async fn until_event(&self, event: &str) {
        self.until(event, async || self.count(event) > 0).await;
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    pub(super) fn count(&self, event: &str) -> usize {
        self.world
            .event_types()
            .iter()
            .filter(|kind| **kind == event)
            .count()
    }

    pub(super) async fn deploy(&self) -> AgentId {
        let deploy: DeployAgent = body(serde_json::json!({ "template_id": "tmpl_research", "name": "Ada" }));
        let answer = self.world.by(&self.member.caller, deploy).await.unwrap();
        AgentId::from(answer.aggregate.id)
    }

    /// A deployed agent that runs, and its runtime.
    pub(super) async fn running_agent(&self) -> (AgentId, RuntimeId) {
        let agent = self.deploy().await;
        self.until_agent(&agent, "running").await;
        let runtime = self
            .world
            .doc::<Agents>(&agent)
            .await
            .unwrap()
            .runtime_id
            .unwrap();
        (agent, runtime)
    }

    pub(super) async fn until_agent(&self, agent: &AgentId, status: &str) {
        self.until(&format!("agent {status}"), async || {
            self.world
                .doc::<Agents>(agent)
                .await
                .is_some_and(|doc| doc.status.name() == status)
        })
        .await;
    }

    pub(super) async fn submit(&self, agent: &AgentId, description: &str) -> TaskId {
        let submit: SubmitTask = body(serde_json::json!({ "agent_id": agent, "description": description }));
        let answer: Answer = self.world.by(&self.member.caller, submit).await.unwrap();
        TaskId::from(answer.aggregate.id)
    }

    pub(super) async fn until_task(&self, task: &TaskId, status: &str) {
        self.until(&format!("task {status}"), async || {
            self.world
                .doc::<Tasks>(task)
                .await
                .is_some_and(|doc| doc.status.name() == status)
        })
        .await;
    }
}

/// A manager whose effects all happen twice.
struct Twice<M>(M);

#[async_trait]
impl<M: ProcessManager> ProcessManager for Twice<M> {
    type Action = M::Action;

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<M::Action>> {
        self.0.react(envelope)
    }

    async fn perform(&self, action: &M::Action, cause: &Cause) -> Result<(), EffectError> {
        self.0.perform(action, cause).await?;
        self.0.perform(action, cause).await
    }
}
