//! Task: a unit of work given to an agent, with a person's approval where its policy asks for one.
//!
//! **Invariants:** a finished task never changes again; an approval is resolved once, by whoever commits
//! first, and never after it has expired.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, AgentId, AnyEvent, Decider, TaskId, text};

mod command;
mod event;
mod kinds;
mod refusal;

pub use command::TaskCommand;
pub use event::TaskEvent;
pub use kinds::{Approval, Resolution, TaskStatus};
pub use refusal::TaskRefusal;

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
    /// Whether a person said yes, and nothing was asked since.
    pub approved: bool,
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
            // Reported before.
            (TaskCommand::Start, TaskStatus::Running)
            | (TaskCommand::RequestApproval { .. }, TaskStatus::AwaitingApproval)
            | (TaskCommand::Complete { .. }, TaskStatus::Completed)
            | (TaskCommand::Fail { .. }, TaskStatus::Failed) => Ok(vec![]),
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
                self.approved = false;
                self.status = TaskStatus::AwaitingApproval;
            }
            TaskEvent::Approved { .. } => {
                resolve(Resolution::Approved);
                self.approved = true;
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
