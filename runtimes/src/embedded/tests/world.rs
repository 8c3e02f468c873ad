//! An embedded driver over ports in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use reef_commands::{
    CommandError,
    activity::ActivityReport,
    memory::MemoryStore,
    ports::{
        AgentBundle, ChatChunk, ChatRequest, ChatTurn, Clock, DriverError, EffectToken, LogLines, NodeEvents,
        RuntimeDriver, RuntimeSpec, TaskAssignment, Usage, Vault, VaultOwner, Workspace,
        runtime::{ModelSecret, SecretLookup},
    },
};
use reef_domain::{AgentId, RuntimeId, TaskId};
use zeroize::Zeroizing;

use crate::{EmbeddedDriver, EmbeddedPorts, MemoryLogLines, ModelConfig};

/// A clock that is put forward by hand.
pub(super) struct TestClock(pub(super) Mutex<DateTime<Utc>>);

impl TestClock {
    pub(super) fn set(&self, at: &str) {
        *self.0.lock().unwrap() = at.parse().unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A report the node made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    Claimed,
    ApprovalAsked { rule: String, reason: String },
    Completed { result: String, usage: Usage },
    Failed { code: String, reason: String },
    Did(ActivityReport),
    Planned(AgentId, Option<DateTime<Utc>>),
}

/// Takes reports; answers claims as told, and other reports with the errors that were queued.
#[derive(Default)]
pub(super) struct TestNode {
    pub(super) reports: Mutex<Vec<Report>>,
    pub(super) errors: Mutex<VecDeque<CommandError>>,
    pub(super) settled: Mutex<bool>,
}

impl TestNode {
    fn take(&self, report: Report) -> Result<(), CommandError> {
        if let Some(error) = self.errors.lock().unwrap().pop_front() {
            return Err(error);
        }
        *self.settled.lock().unwrap() |= matches!(report, Report::Completed { .. } | Report::Failed { .. });
        self.reports.lock().unwrap().push(report);
        Ok(())
    }
}

#[async_trait]
impl NodeEvents for TestNode {
    async fn claim_task(&self, _: &TaskId) -> Result<bool, CommandError> {
        if *self.settled.lock().unwrap() {
            return Ok(false);
        }
        self.take(Report::Claimed).map(|()| true)
    }

    async fn is_open(&self, _: &TaskId) -> Result<bool, CommandError> {
        Ok(!*self.settled.lock().unwrap())
    }

    async fn request_approval(&self, _: &TaskId, rule: &str, reason: &str) -> Result<(), CommandError> {
        self.take(Report::ApprovalAsked {
            rule: rule.to_owned(),
            reason: reason.to_owned(),
        })
    }

    async fn complete_task(&self, _: &TaskId, result: &str, usage: Usage) -> Result<(), CommandError> {
        self.take(Report::Completed {
            result: result.to_owned(),
            usage,
        })
    }

    async fn fail_task(&self, _: &TaskId, code: &str, reason: &str) -> Result<(), CommandError> {
        self.take(Report::Failed {
            code: code.to_owned(),
            reason: reason.to_owned(),
        })
    }

    async fn report_activity(&self, report: ActivityReport) -> Result<(), CommandError> {
        self.take(Report::Did(report))
    }

    async fn plan_cron(
        &self,
        _: &RuntimeId,
        agent: &AgentId,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<(), CommandError> {
        self.take(Report::Planned(agent.clone(), due_at))
    }
}

/// Every agent's secrets.
#[derive(Default)]
pub(super) struct TestSecrets(pub(super) Mutex<BTreeMap<String, String>>);

#[async_trait]
impl SecretLookup for TestSecrets {
    async fn secret(&self, _: &AgentId, name: &str) -> Result<Option<ModelSecret>, DriverError> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .get(name)
            .map(|value| ModelSecret(Zeroizing::new(value.clone()))))
    }
}

pub(super) struct World {
    pub(super) store: Arc<MemoryStore>,
    pub(super) node: Arc<TestNode>,
    pub(super) secrets: Arc<TestSecrets>,
    pub(super) lines: Arc<MemoryLogLines>,
    pub(super) clock: Arc<TestClock>,
    pub(super) models: ModelConfig,
    pub(super) driver: EmbeddedDriver,
}

impl World {
    /// Nothing provisioned yet, no model configured.
    pub(super) fn new() -> Self {
        Self::with_models(ModelConfig::default())
    }

    pub(super) fn with_models(models: ModelConfig) -> Self {
        let clock = Arc::new(TestClock(Mutex::new("2026-02-19T10:00:00Z".parse().unwrap())));
        let store = MemoryStore::new(clock.clone());
        let (node, secrets) = (Arc::new(TestNode::default()), Arc::new(TestSecrets::default()));
        let lines = Arc::new(MemoryLogLines::new(clock.clone()));
        let ports = EmbeddedPorts {
            workspace: store.clone(),
            vault: store.clone(),
            secrets: secrets.clone(),
            node: node.clone(),
            log_lines: lines.clone(),
            clock: clock.clone(),
        };
        let driver = EmbeddedDriver::new(ports, models.clone()).unwrap();
        Self {
            store,
            node,
            secrets,
            lines,
            clock,
            models,
            driver,
        }
    }

    /// A world whose runtime runs, with the agent on it.
    pub(super) async fn running(models: ModelConfig) -> Self {
        let world = Self::with_models(models);
        world
            .driver
            .provision(&spec(), &token("provision"))
            .await
            .unwrap();
        world
            .driver
            .push(&spec(), &bundle(), &token("push"))
            .await
            .unwrap();
        world
    }

    /// The same world after the server was restarted: what lies in the store is all that is left.
    pub(super) fn restarted(self) -> Self {
        let lines = Arc::new(MemoryLogLines::new(self.clock.clone()));
        let ports = EmbeddedPorts {
            workspace: self.store.clone(),
            vault: self.store.clone(),
            secrets: self.secrets.clone(),
            node: self.node.clone(),
            log_lines: lines.clone(),
            clock: self.clock.clone(),
        };
        let driver = EmbeddedDriver::new(ports, self.models.clone()).unwrap();
        Self {
            lines,
            driver,
            ..self
        }
    }

    /// One message; the reply's text and its end.
    pub(super) async fn say(&self, message: &str) -> Result<(String, Usage, String), DriverError> {
        self.reply_to(request(message)).await
    }

    pub(super) async fn reply_to(
        &self,
        request: ChatRequest,
    ) -> Result<(String, Usage, String), DriverError> {
        let mut stream = self.driver.chat(&spec(), request).await?;
        let mut text = String::new();
        loop {
            match stream.next().await.expect("a reply ends with Done or an error")? {
                ChatChunk::Delta(delta) => text.push_str(&delta),
                ChatChunk::Done { usage, model } => return Ok((text, usage, model)),
            }
        }
    }

    pub(super) fn reports(&self) -> Vec<Report> {
        self.node.reports.lock().unwrap().clone()
    }

    /// Every log line of the runtime, joined.
    pub(super) fn log(&self) -> String {
        let lines = self.lines.tail(&spec().runtime_id, 0, 1000);
        lines
            .iter()
            .map(|line| line.message.as_str())
            .collect::<Vec<_>>()
            .join(
                "
",
            )
    }

    /// A file of the agent, opened as the API would open it.
    pub(super) async fn file(&self, path: &str) -> Option<String> {
        let agent = bundle().agent_id;
        let entry = self.store.file(&agent, path).await.unwrap()?;
        let purpose = format!("acc_1/workspace/{agent}/{path}/content");
        let plain = self
            .store
            .open(&VaultOwner::new("agent", &agent), &purpose, &entry.sealed)
            .await
            .unwrap();
        Some(String::from_utf8(plain.to_vec()).unwrap())
    }
}

pub(super) fn spec() -> RuntimeSpec {
    RuntimeSpec {
        runtime_id: "rt_1".into(),
        account_id: "acc_1".into(),
        owner_user_id: None,
        provider_ref: None,
        region: None,
        image_ref: None,
        ssh_public_key: None,
    }
}

pub(super) fn token(text: &str) -> EffectToken {
    EffectToken(text.to_owned())
}

pub(super) fn bundle() -> AgentBundle {
    AgentBundle {
        agent_id: "agt_1".into(),
        name: "Coral".to_owned(),
        model: "reef-1".to_owned(),
        skills: vec!["summarize".to_owned()],
        installed_skills: Vec::new(),
        policy_rules: None,
        command_bundles: Vec::new(),
        workspace: [("SOUL.md".to_owned(), "You are calm.".to_owned())].into(),
        files: None,
    }
}

pub(super) fn request(message: &str) -> ChatRequest {
    ChatRequest {
        conversation_id: "conv_1".into(),
        history: Vec::new(),
        message: message.to_owned(),
        bundle: bundle(),
    }
}

pub(super) fn turn(from_agent: bool, content: &str) -> ChatTurn {
    ChatTurn {
        from_agent,
        content: content.to_owned(),
    }
}

pub(super) fn task(description: &str, rules: Option<&str>) -> TaskAssignment {
    TaskAssignment {
        task_id: "task_1".into(),
        description: description.to_owned(),
        approved: false,
        bundle: AgentBundle {
            policy_rules: rules.map(str::to_owned),
            ..bundle()
        },
    }
}
