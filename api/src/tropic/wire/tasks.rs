//! Agent tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dialect::Millis;

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::tropic) enum TaskStatus {
    /// Nobody works on it yet.
    Pending,
    /// The agent works on it.
    Running,
    /// A person has to confirm it.
    AwaitingApproval,
    /// Done.
    Completed,
    /// A person said no.
    Rejected,
    /// It cannot be done.
    Failed,
}

/// A new task.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct SubmittedTask {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) agent_id: String,
    pub(in crate::tropic) description: String,
    pub(in crate::tropic) status: TaskStatus,
    pub(in crate::tropic) created_at: Millis,
}

/// A task in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct TaskRow {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) agent_id: String,
    pub(in crate::tropic) description: String,
    pub(in crate::tropic) status: TaskStatus,
    pub(in crate::tropic) created_at: Millis,
    /// When its status changed last.
    pub(in crate::tropic) updated_at: Millis,
}

/// A task with its history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Task {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) agent_id: String,
    pub(in crate::tropic) description: String,
    pub(in crate::tropic) status: TaskStatus,
    /// Every status it had, oldest first.
    pub(in crate::tropic) events: Vec<TaskEvent>,
}

/// A status, and since when the task had it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct TaskEvent {
    pub(in crate::tropic) status: TaskStatus,
    pub(in crate::tropic) timestamp: Millis,
}

/// A task after a person decided.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct DecidedTask {
    pub(in crate::tropic) id: String,
    pub(in crate::tropic) status: TaskStatus,
}

/// Work for an agent.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::tropic) struct SubmitTask {
    /// 1 to 10,000 characters, not only blanks.
    #[schemars(length(min = 1, max = 10_000))]
    pub(in crate::tropic) description: String,
}
