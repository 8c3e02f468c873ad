//! The node protocol, seen from our side: what the software on a runtime tells us while it works.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::{AgentId, RuntimeId, TaskId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Usage;
use crate::{CommandError, activity::ActivityReport};

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Ordinary.
    Info,
    /// Odd, but it went on.
    Warn,
    /// It failed.
    Error,
}

/// One line a runtime printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Number within the runtime, from 1.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// How grave.
    pub level: LogLevel,
    /// The agent it is about, where it is about one.
    pub agent_id: Option<AgentId>,
    /// The text.
    pub message: String,
}

/// The bounded store of runtimes' log lines: not events, kept in memory, the oldest dropped first.
pub trait LogLines: Send + Sync + 'static {
    /// Adds a line.
    fn push(&self, runtime: &RuntimeId, agent: Option<&AgentId>, level: LogLevel, message: String);
    /// The last `limit` lines with a number greater than `after`, ascending.
    fn tail(&self, runtime: &RuntimeId, after: u64, limit: usize) -> Vec<LogLine>;
}

/// What a node reports. Every call may be repeated: the second time changes nothing.
#[async_trait]
pub trait NodeEvents: Send + Sync + 'static {
    /// Takes the task to work on it: pending becomes running. `false`: it is no longer to be done.
    async fn claim_task(&self, task: &TaskId) -> Result<bool, CommandError>;
    /// Whether the task is still to be done or waits for a person; else it has ended.
    async fn is_open(&self, task: &TaskId) -> Result<bool, CommandError>;
    /// The task needs a person's confirmation under that rule.
    async fn request_approval(&self, task: &TaskId, rule: &str, reason: &str) -> Result<(), CommandError>;
    /// The task is done.
    async fn complete_task(&self, task: &TaskId, result: &str, usage: Usage) -> Result<(), CommandError>;
    /// The task cannot be done; `code` is stable, `reason` for people.
    async fn fail_task(&self, task: &TaskId, code: &str, reason: &str) -> Result<(), CommandError>;
    /// An agent did something by itself: a cron job of it ran, it spoke of its own accord, or it failed at
    /// something.
    async fn report_activity(&self, report: ActivityReport) -> Result<(), CommandError>;
    /// When the agent's next cron job is due; `None`: it has none. At that time the driver's
    /// [`super::RuntimeDriver::run_cron`] is called.
    async fn plan_cron(
        &self,
        runtime: &RuntimeId,
        agent: &AgentId,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<(), CommandError>;
}
