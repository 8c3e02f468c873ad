//! What a task can be asked.

use chrono::{DateTime, Utc};

use crate::{AccountId, AgentId, TaskId, UserId};

/// What a task can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskCommand {
    /// Give it to an agent.
    Submit {
        /// New id.
        task_id: TaskId,
        /// Who pays.
        account_id: AccountId,
        /// The agent it is for.
        agent_id: AgentId,
        /// Who gives it, where that is known.
        user_id: Option<UserId>,
        /// What is to be done: 1 to 10,000 characters, not only blanks.
        description: String,
    },
    /// The agent takes it up.
    Start,
    /// A person has to confirm it.
    RequestApproval {
        /// The policy rule that asks for it; empty: no rule matched, which asks for it too.
        rule: String,
        /// Why, for people.
        reason: String,
        /// When it can no longer be given.
        expires_at: DateTime<Utc>,
    },
    /// A person says yes.
    Approve {
        /// Who.
        by: String,
        /// When.
        now: DateTime<Utc>,
    },
    /// A person says no.
    Reject {
        /// Who.
        by: String,
        /// When.
        now: DateTime<Utc>,
    },
    /// Look whether nobody decided in time.
    Expire {
        /// When.
        now: DateTime<Utc>,
    },
    /// It is done.
    Complete {
        /// What came of it, cut to 200,000 bytes.
        result: String,
        /// Model tokens read.
        input_tokens: u64,
        /// Model tokens written.
        output_tokens: u64,
    },
    /// It cannot be done.
    Fail {
        /// Stable code.
        code: String,
        /// For people.
        reason: String,
    },
}
