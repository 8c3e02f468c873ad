//! Task: a unit of work given to an agent, with a person's approval where its policy asks for one.
//!
//! **Invariants:** a finished task never changes again; an approval is resolved once, by whoever commits
//! first, and never after it has expired.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AgentId, AnyEvent, Decider, Refusal, RefusalKind, TaskId, UserId, event::events, text,
};

/// A task, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its id, once it was submitted.
    pub task_id: Option<TaskId>,
    /// Who pays.
    pub account_id: Option<AccountId>,
    /// The agent it is for.
    pub agent_id: Option<AgentId>,
    /// What is to be done.
    pub description: String,
    /// Where it is.
    pub status: TaskStatus,
    /// The approval asked for last.
    pub approval: Option<Approval>,
}

/// An approval that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When it can no longer be given.
    pub expires_at: DateTime<Utc>,
    /// What became of it; `None`: a person has still to decide.
    pub resolution: Option<Resolution>,
}

/// What became of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// A person said yes.
    Approved,
    /// A person said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// The task ended meanwhile.
    Withdrawn,
}

impl Resolution {
    /// The resolution as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Where a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Nobody works on it yet.
    #[default]
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

impl TaskStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::AwaitingApproval,
        Self::Completed,
        Self::Rejected,
        Self::Failed,
    ];

    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Whether the task will never change again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::AwaitingApproval => false,
            Self::Completed | Self::Rejected | Self::Failed => true,
        }
    }
}

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

/// Why a task says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskRefusal {
    /// No such task.
    #[error("there is no such task")]
    TaskNotFound,
    /// The id is taken.
    #[error("a task of that id was submitted before")]
    TaskAlreadySubmitted,
    /// 1 to 10,000 characters.
    #[error("a description has 1 to 10,000 characters and is not only blanks")]
    DescriptionInvalid,
    /// No approval was asked for.
    #[error("the task is not awaiting approval")]
    NotAwaitingApproval,
    /// Somebody was first.
    #[error("the approval was already resolved: {}", how.name())]
    ApprovalAlreadyResolved {
        /// What became of it.
        how: Resolution,
    },
    /// It came too late.
    #[error("the approval has expired")]
    ApprovalExpired,
    /// It is over.
    #[error("the task has already ended: {}", status.name())]
    TaskAlreadyEnded {
        /// How it ended.
        status: TaskStatus,
    },
    /// Nobody took it up.
    #[error("the task is not running")]
    TaskNotRunning,
}

impl Refusal for TaskRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::TaskNotFound => "task_not_found",
            Self::TaskAlreadySubmitted => "task_already_submitted",
            Self::DescriptionInvalid => "description_invalid",
            Self::NotAwaitingApproval => "task_not_awaiting_approval",
            Self::ApprovalAlreadyResolved { .. } => "approval_already_resolved",
            Self::ApprovalExpired => "approval_expired",
            Self::TaskAlreadyEnded { .. } => "task_already_ended",
            Self::TaskNotRunning => "task_not_running",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::TaskNotFound => RefusalKind::NotFound,
            Self::DescriptionInvalid => RefusalKind::Invalid,
            Self::TaskAlreadySubmitted
            | Self::NotAwaitingApproval
            | Self::ApprovalAlreadyResolved { .. }
            | Self::ApprovalExpired
            | Self::TaskAlreadyEnded { .. }
            | Self::TaskNotRunning => RefusalKind::Conflict,
        }
    }
}

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 10_000;
/// Longest result, in bytes.
const MAX_RESULT: usize = 200_000;
/// Longest rule or reason, in bytes.
const MAX_REASON: usize = 2000;

impl Task {
    fn submit(&self, submitted: TaskEvent, description: &str) -> Result<Vec<TaskEvent>, TaskRefusal> {
        if self.task_id.is_some() {
            return Err(TaskRefusal::TaskAlreadySubmitted);
        }
        // Four bytes are the longest character.
        let fits = !description.trim().is_empty()
            && description.chars().count() <= MAX_DESCRIPTION
            && text::storable(description, 4 * MAX_DESCRIPTION);
        if fits {
            Ok(vec![submitted])
        } else {
            Err(TaskRefusal::DescriptionInvalid)
        }
    }

    /// Whether a person may decide now.
    fn awaiting(&self, now: DateTime<Utc>) -> Result<(), TaskRefusal> {
        match &self.approval {
            None => Err(TaskRefusal::NotAwaitingApproval),
            Some(Approval {
                resolution: Some(Resolution::Expired),
                ..
            }) => Err(TaskRefusal::ApprovalExpired),
            Some(Approval {
                resolution: Some(how),
                ..
            }) => Err(TaskRefusal::ApprovalAlreadyResolved { how: *how }),
            Some(approval) if now >= approval.expires_at => Err(TaskRefusal::ApprovalExpired),
            Some(_) => Ok(()),
        }
    }

    /// What a node reports about a task that is still open.
    fn report(&self, command: TaskCommand) -> Result<Vec<TaskEvent>, TaskRefusal> {
        let ended = TaskRefusal::TaskAlreadyEnded { status: self.status };
        match (command, self.status) {
            (TaskCommand::Start, TaskStatus::Pending) => Ok(vec![TaskEvent::Started {}]),
            (TaskCommand::Start, TaskStatus::Running) => Ok(vec![]),
            (TaskCommand::RequestApproval { .. }, TaskStatus::AwaitingApproval) => Ok(vec![]),
            (
                TaskCommand::RequestApproval {
                    rule,
                    reason,
                    expires_at,
                },
                TaskStatus::Pending | TaskStatus::Running,
            ) => Ok(vec![TaskEvent::ApprovalRequested {
                rule: text::cut(&rule, MAX_REASON),
                reason: text::cut(&reason, MAX_REASON),
                expires_at,
            }]),
            (TaskCommand::Complete { .. }, TaskStatus::Completed)
            | (TaskCommand::Fail { .. }, TaskStatus::Failed) => Ok(vec![]),
            (
                TaskCommand::Complete {
                    result,
                    input_tokens,
                    output_tokens,
                },
                TaskStatus::Running,
            ) => {
                let agent_id = self.agent_id.clone().ok_or(TaskRefusal::TaskNotFound)?;
                let result = text::cut(&result, MAX_RESULT);
                Ok(vec![TaskEvent::Completed {
                    agent_id,
                    result,
                    input_tokens,
                    output_tokens,
                }])
            }
            (TaskCommand::Fail { code, reason }, status) if !status.is_final() => {
                Ok(vec![TaskEvent::Failed {
                    code: text::cut(&code, 100),
                    reason: text::cut(&reason, MAX_REASON),
                }])
            }
            (_, status) if status.is_final() => Err(ended),
            (_, _) => Err(TaskRefusal::TaskNotRunning),
        }
    }
}

impl Decider for Task {
    const TYPE: &'static str = "task";
    type Command = TaskCommand;
    type Event = TaskEvent;
    type Refusal = TaskRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        if let TaskCommand::Submit {
            task_id,
            account_id,
            agent_id,
            user_id,
            description,
        } = command
        {
            let text = description.clone();
            let submitted = TaskEvent::Submitted {
                task_id,
                account_id,
                agent_id,
                user_id,
                description,
            };
            return self.submit(submitted, &text);
        }
        if self.task_id.is_none() {
            return Err(TaskRefusal::TaskNotFound);
        }
        match command {
            TaskCommand::Approve { by, now } => self.awaiting(now).map(|()| vec![TaskEvent::Approved { by }]),
            TaskCommand::Reject { by, now } => self.awaiting(now).map(|()| vec![TaskEvent::Rejected { by }]),
            TaskCommand::Expire { now } => {
                let due = self
                    .approval
                    .as_ref()
                    .is_some_and(|approval| approval.resolution.is_none() && now >= approval.expires_at);
                Ok(if due {
                    vec![TaskEvent::ApprovalExpired {}]
                } else {
                    vec![]
                })
            }
            TaskCommand::Submit { .. } => Err(TaskRefusal::TaskAlreadySubmitted),
            TaskCommand::Start
            | TaskCommand::RequestApproval { .. }
            | TaskCommand::Complete { .. }
            | TaskCommand::Fail { .. } => self.report(command),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        let mut resolve = |how| {
            if let Some(approval) = &mut self.approval
                && approval.resolution.is_none()
            {
                approval.resolution = Some(how);
            }
        };
        match event {
            TaskEvent::Submitted {
                task_id,
                account_id,
                agent_id,
                description,
                ..
            } => {
                self.task_id = Some(task_id.clone());
                self.account_id = Some(account_id.clone());
                self.agent_id = Some(agent_id.clone());
                self.description.clone_from(description);
            }
            TaskEvent::Started {} => self.status = TaskStatus::Running,
            TaskEvent::ApprovalRequested { expires_at, .. } => {
                self.approval = Some(Approval {
                    expires_at: *expires_at,
                    resolution: None,
                });
                self.status = TaskStatus::AwaitingApproval;
            }
            TaskEvent::Approved { .. } => {
                resolve(Resolution::Approved);
                self.status = TaskStatus::Running;
            }
            TaskEvent::Rejected { .. } => {
                resolve(Resolution::Rejected);
                self.status = TaskStatus::Rejected;
            }
            TaskEvent::ApprovalExpired {} => {
                resolve(Resolution::Expired);
                self.status = TaskStatus::Failed;
            }
            TaskEvent::Completed { .. } => self.status = TaskStatus::Completed,
            TaskEvent::Failed { .. } => {
                resolve(Resolution::Withdrawn);
                self.status = TaskStatus::Failed;
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Task(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
