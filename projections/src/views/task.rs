//! Tasks with their history and approval.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, Decider, Envelope, TaskId, UserId,
    agent::AgentEvent,
    task::{Resolution, Task, TaskEvent, TaskStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, TokenUsage};
use crate::{Document, Projection, Source, Touch};

/// A task as it is read. It goes with its agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskDoc {
    /// Its id.
    pub id: TaskId,
    /// Who pays.
    pub account_id: AccountId,
    /// The agent it is for.
    pub agent_id: AgentId,
    /// Who gave it.
    pub user_id: Option<UserId>,
    /// What is to be done.
    pub description: String,
    /// Where it is.
    pub status: TaskStatus,
    /// Every status it had, oldest first; the last is the present one.
    pub history: Vec<TaskStep>,
    /// The policy rule that asked for a person's confirmation.
    pub matched_rule: Option<String>,
    /// The approval asked for last.
    pub approval: Option<ApprovalDoc>,
    /// What came of it.
    pub result: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it used.
    pub usage: TokenUsage,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// When its status changed last.
    pub updated_at: DateTime<Utc>,
}

/// A status of a task, and since when it had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskStep {
    /// The status.
    pub status: TaskStatus,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// An approval that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalDoc {
    /// The policy rule that asks for it; empty: no rule matched.
    pub rule: String,
    /// Why, for people.
    pub reason: String,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it can no longer be given.
    pub expires_at: DateTime<Utc>,
    /// What became of it; null: a person has still to decide.
    pub resolution: Option<Resolution>,
    /// Who decided, where somebody did.
    pub decided_by: Option<String>,
    /// When it was resolved.
    pub resolved_at: Option<DateTime<Utc>>,
}

impl Document for TaskDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.agent_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

impl TaskDoc {
    fn turn(&mut self, status: TaskStatus, at: DateTime<Utc>) {
        self.status = status;
        self.updated_at = at;
        self.history.push(TaskStep { status, at });
    }

    fn resolve(&mut self, how: Resolution, by: Option<&String>, at: DateTime<Utc>) {
        if let Some(approval) = self
            .approval
            .as_mut()
            .filter(|approval| approval.resolution.is_none())
        {
            approval.resolution = Some(how);
            approval.decided_by = by.cloned();
            approval.resolved_at = Some(at);
        }
    }
}

/// The view of tasks.
#[derive(Debug)]
pub struct Tasks;

impl Projection for Tasks {
    type Doc = TaskDoc;
    const NAME: &'static str = "tasks";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["user_id"];
    const PARENT: Option<&'static str> = Some("agent_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Task(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else if matches!(
            envelope.event,
            AnyEvent::Agent(AgentEvent::DeletionStarted {} | AgentEvent::Deleted {})
        ) {
            vec![Touch::PurgeChildrenOf(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<TaskDoc>, envelope: &Envelope) -> Option<TaskDoc> {
        let AnyEvent::Task(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        if let TaskEvent::Submitted {
            task_id,
            account_id,
            agent_id,
            user_id,
            description,
        } = event
        {
            return Some(TaskDoc {
                id: task_id.clone(),
                account_id: account_id.clone(),
                agent_id: agent_id.clone(),
                user_id: user_id.clone(),
                description: description.clone(),
                status: TaskStatus::Pending,
                history: vec![TaskStep {
                    status: TaskStatus::Pending,
                    at,
                }],
                matched_rule: None,
                approval: None,
                result: None,
                failure: None,
                usage: TokenUsage::default(),
                created_at: at,
                updated_at: at,
            });
        }
        let mut doc = doc?;
        match event {
            TaskEvent::Submitted { .. } => {}
            TaskEvent::Started {} => doc.turn(TaskStatus::Running, at),
            TaskEvent::ApprovalRequested {
                rule,
                reason,
                expires_at,
            } => {
                doc.matched_rule = Some(rule.clone()).filter(|rule| !rule.is_empty());
                doc.approval = Some(ApprovalDoc {
                    rule: rule.clone(),
                    reason: reason.clone(),
                    requested_at: at,
                    expires_at: *expires_at,
                    resolution: None,
                    decided_by: None,
                    resolved_at: None,
                });
                doc.turn(TaskStatus::AwaitingApproval, at);
            }
            TaskEvent::Approved { by } => {
                doc.resolve(Resolution::Approved, Some(by), at);
                doc.turn(TaskStatus::Running, at);
            }
            TaskEvent::Rejected { by } => {
                doc.resolve(Resolution::Rejected, Some(by), at);
                doc.turn(TaskStatus::Rejected, at);
            }
            TaskEvent::ApprovalExpired {} => {
                doc.resolve(Resolution::Expired, None, at);
                doc.failure = Some(Failure {
                    code: "approval_expired".to_owned(),
                    reason: "nobody decided in time".to_owned(),
                });
                doc.turn(TaskStatus::Failed, at);
            }
            TaskEvent::Completed {
                result,
                input_tokens,
                output_tokens,
                ..
            } => {
                doc.result = Some(result.clone());
                doc.usage = TokenUsage {
                    input_tokens: *input_tokens,
                    output_tokens: *output_tokens,
                };
                doc.turn(TaskStatus::Completed, at);
            }
            TaskEvent::Failed { code, reason } => {
                doc.resolve(Resolution::Withdrawn, None, at);
                doc.failure = Some(Failure {
                    code: code.clone(),
                    reason: reason.clone(),
                });
                doc.turn(TaskStatus::Failed, at);
            }
        }
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Task::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
