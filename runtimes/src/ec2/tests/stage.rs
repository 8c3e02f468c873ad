//! A driver with ports of its own, in front of the fake.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_commands::{
    CommandError,
    activity::ActivityReport,
    ports::{
        AgentBundle, ChatRequest, DriverError, EffectToken, NodeEvents, RuntimeDriver as _,
        RuntimeObservation, RuntimeSpec, SystemClock, TaskAssignment, Usage,
        runtime::{EnvironmentAt, EnvironmentLookup, ModelSecret, SecretLookup},
    },
};
use reef_domain::{AgentId, RuntimeId, TaskId};
use zeroize::Zeroizing;

use super::{fake::FakeAws, machine::Machine};
use crate::{
    MemoryLogLines,
    ec2::{CredentialSource, Ec2Config, Ec2Driver, Ec2Ports, Patience},
};

pub(super) const SECRET: &str = "sk-ant-secret-of-ada";
pub(super) const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB ada@reef";

/// Secrets by name, the runtime's variables as of its last start and now, and what was reported of tasks.
#[derive(Default)]
pub(super) struct World {
    pub(super) secrets: Mutex<BTreeMap<String, String>>,
    pub(super) environment: Mutex<Option<[BTreeMap<String, String>; 2]>>,
    pub(super) reports: Mutex<Vec<String>>,
}

impl World {
    fn report(&self, report: String) {
        self.reports.lock().unwrap().push(report);
    }

    pub(super) fn reports(&self) -> Vec<String> {
        self.reports.lock().unwrap().clone()
    }
}

#[async_trait]
impl SecretLookup for World {
    async fn secret(&self, _: &AgentId, name: &str) -> Result<Option<ModelSecret>, DriverError> {
        let found = self.secrets.lock().unwrap().get(name).cloned();
        Ok(found.map(|value| ModelSecret(Zeroizing::new(value))))
    }
}

#[async_trait]
impl EnvironmentLookup for World {
    async fn environment(
        &self,
        _: &RuntimeId,
        at: EnvironmentAt,
    ) -> Result<Option<BTreeMap<String, ModelSecret>>, DriverError> {
        let variables = self.environment.lock().unwrap().clone();
        let variables = variables.map(|[last, next]| match at {
            EnvironmentAt::LastStart => last,
            EnvironmentAt::NextStart => next,
        });
        let lent = |(name, value)| (name, ModelSecret(Zeroizing::new(value)));
        Ok(variables.map(|variables| variables.into_iter().map(lent).collect()))
    }
}

#[async_trait]
impl NodeEvents for World {
    async fn claim_task(&self, _: &TaskId) -> Result<bool, CommandError> {
        self.report("claimed".to_owned());
        Ok(true)
    }

    async fn is_open(&self, _: &TaskId) -> Result<bool, CommandError> {
        Ok(true)
    }

    async fn request_approval(&self, _: &TaskId, rule: &str, _: &str) -> Result<(), CommandError> {
        self.report(format!("approval asked: {rule}"));
        Ok(())
    }

    async fn complete_task(&self, _: &TaskId, result: &str, usage: Usage) -> Result<(), CommandError> {
        self.report(format!("completed: {result} ({})", usage.output_tokens));
        Ok(())
    }

    async fn fail_task(&self, _: &TaskId, code: &str, reason: &str) -> Result<(), CommandError> {
        self.report(format!("failed: {code}: {reason}"));
        Ok(())
    }

    async fn report_activity(&self, report: ActivityReport) -> Result<(), CommandError> {
        self.report(format!("did: {}", report.content));
        Ok(())
    }

    async fn plan_cron(
        &self,
        _: &RuntimeId,
        agent: &AgentId,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<(), CommandError> {
        self.report(format!("planned: {agent} {due_at:?}"));
        Ok(())
    }
}

pub(super) struct Stage {
    pub(super) aws: FakeAws,
    pub(super) world: Arc<World>,
    pub(super) driver: Ec2Driver,
    pub(super) spec: RuntimeSpec,
}

/// As little waiting as there can be.
pub(super) fn impatient(config: &mut Ec2Config) {
    config.patience = Patience {
        call: Duration::from_secs(10),
        delivery: Duration::from_secs(10),
        command: Duration::from_secs(30),
        chat: Duration::from_secs(30),
        task: Duration::from_secs(30),
        look: Duration::from_millis(5),
        pending: Duration::ZERO,
    };
}

pub(super) fn keys() -> CredentialSource {
    CredentialSource::Static {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Zeroizing::new("secret-of-the-server".to_owned()),
        session_token: None,
    }
}

pub(super) fn spec() -> RuntimeSpec {
    RuntimeSpec {
        runtime_id: "rt_1".into(),
        account_id: "acc_1".into(),
        owner_user_id: Some("usr_ada".into()),
        provider_ref: None,
        region: None,
        image_ref: None,
        ssh_public_key: Some(KEY.to_owned()),
    }
}

pub(super) fn ports(world: &Arc<World>) -> Ec2Ports {
    let clock = Arc::new(SystemClock);
    Ec2Ports {
        secrets: Arc::clone(world) as _,
        environment: Arc::clone(world) as _,
        node: Arc::clone(world) as _,
        log_lines: Arc::new(MemoryLogLines::new(clock.clone())),
        clock,
    }
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Ec2Config)) -> Self {
        let aws = FakeAws::start().await;
        let world = Arc::new(World::default());
        let mut config = Ec2Config::new("eu-west-1", "ami-reef");
        config.ec2_endpoint = Some(aws.url());
        config.ssm_endpoint = Some(aws.url());
        config.credentials = keys();
        impatient(&mut config);
        change(&mut config);
        let driver = Ec2Driver::new(ports(&world), config).unwrap();
        Self {
            aws,
            world,
            driver,
            spec: spec(),
        }
    }

    pub(super) async fn provision(&self) -> Result<RuntimeObservation, DriverError> {
        self.driver.provision(&self.spec, &token("provision")).await
    }

    /// A runtime that runs.
    pub(super) async fn up(&mut self) -> String {
        let RuntimeObservation::Pending { provider_ref } = self.provision().await.unwrap() else {
            panic!("a new instance is not up at once");
        };
        self.spec.provider_ref = Some(provider_ref.clone());
        self.aws.comes_up(&provider_ref);
        let seen = self.provision().await.unwrap();
        assert!(matches!(seen, RuntimeObservation::Running { .. }), "{seen:?}");
        provider_ref
    }
}

/// A running runtime and what stands for its instance.
pub(super) async fn up() -> (Stage, Arc<Machine>) {
    let machine = Machine::start().await;
    let gateway = machine.config();
    let mut stage = Stage::with(|config| config.gateway = gateway).await;
    stage.aws.has_machine(Arc::clone(&machine));
    stage.up().await;
    (stage, machine)
}

pub(super) fn token(step: &str) -> EffectToken {
    EffectToken(format!("provisioning-7-{step}"))
}

pub(super) fn bundle(policy: Option<&str>, bundles: &[&str]) -> AgentBundle {
    AgentBundle {
        agent_id: "agent_ada".into(),
        name: "Ada".to_owned(),
        model: "claude-sonnet-4-5".to_owned(),
        skills: vec!["research".to_owned()],
        installed_skills: Vec::new(),
        policy_rules: policy.map(str::to_owned),
        command_bundles: bundles.iter().map(|name| (*name).to_owned()).collect(),
        workspace: [("SOUL.md".to_owned(), "Curious.".to_owned())].into(),
        files: None,
    }
}

pub(super) fn task(description: &str, approved: bool, policy: &str) -> TaskAssignment {
    TaskAssignment {
        task_id: "task_1".into(),
        description: description.to_owned(),
        approved,
        bundle: bundle(Some(policy), &[]),
    }
}

pub(super) fn message(text: &str) -> ChatRequest {
    ChatRequest {
        conversation_id: "conv_1".into(),
        history: Vec::new(),
        message: text.to_owned(),
        bundle: bundle(None, &[]),
    }
}
