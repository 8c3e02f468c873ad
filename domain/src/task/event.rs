//! What can happen to a task.

use chrono::{DateTime, Utc};

use crate::{AccountId, AgentId, TaskId, UserId, event::events};

events! {
    /// What can happen to a task.
    pub enum TaskEvent {
        /// It was given to an agent.
        Submitted = "TaskSubmitted", 1 {
            /// Its id.
            task_id: TaskId,
            /// Who pays.
            account_id: AccountId,
            /// The agent it is for.
            agent_id: AgentId,
            /// Who gave it.
            user_id: Option<UserId>,
            /// What is to be done.
            description: String,
        },
        /// The agent took it up.
        Started = "TaskStarted", 1 {},
        /// A person has to confirm it.
        ApprovalRequested = "TaskApprovalRequested", 1 {
            /// The policy rule that asks for it; empty: no rule matched.
            rule: String,
            /// Why, for people.
            reason: String,
            /// When it can no longer be given.
            expires_at: DateTime<Utc>,
        },
        /// A person said yes.
        Approved = "TaskApproved", 1 {
            /// Who.
            by: String,
        },
        /// A person said no.
        Rejected = "TaskRejected", 1 {
            /// Who.
            by: String,
        },
        /// Nobody decided in time: the task has failed.
        ApprovalExpired = "TaskApprovalExpired", 1 {},
        /// It is done.
        Completed = "TaskCompleted", 1 {
            /// The agent that did it: its usage is counted.
            agent_id: AgentId,
            /// What came of it.
            result: String,
            /// Model tokens read.
            input_tokens: u64,
            /// Model tokens written.
            output_tokens: u64,
        },
        /// It cannot be done.
        Failed = "TaskFailed", 1 {
            /// Stable code.
            code: String,
            /// For people.
            reason: String,
        },
    }
}
