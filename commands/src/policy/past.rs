//! What a policy would have said to tasks of the past: asked before it is put in force, changes nothing.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, TaskId,
    policy::{Decision, Rules, Verdict},
    task::TaskStatus,
};
use reef_projections::{
    Filter, Query,
    views::task::{TaskDoc, Tasks},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CommandError, ports::Views, task::DENIED_BY_POLICY};

/// Most tasks that are looked at.
pub const MAX_PAST_TASKS: u32 = 500;

/// Which tasks: the newest of an account, or of one of its agents.
#[derive(Debug, Clone)]
pub struct PastTasks {
    /// Whose.
    pub account_id: AccountId,
    /// Only those of this agent.
    pub agent_id: Option<AgentId>,
    /// At most so many, up to 500.
    pub limit: u32,
}

/// What rules say to past tasks, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastVerdicts {
    /// The tasks.
    pub data: Vec<PastVerdict>,
    /// How many would go on, be asked about, be denied, and how many of all would go otherwise than they did.
    pub counts: PastCounts,
}

/// What rules say to one past task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastVerdict {
    /// The task.
    pub task_id: TaskId,
    /// The agent it was for.
    pub agent_id: AgentId,
    /// What was to be done.
    pub description: String,
    /// Where it is.
    pub status: TaskStatus,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// What the rules say to it.
    pub verdict: Verdict,
    /// What was done with it then; null: it was not judged, or has not been yet.
    pub happened: Option<Decision>,
    /// Whether the rules say otherwise; null: nothing happened to compare with.
    pub differs: Option<bool>,
}

/// Tasks by what the rules say to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastCounts {
    /// Would go on.
    pub allow: u32,
    /// Would wait for a person.
    pub require_confirm: u32,
    /// Would be denied.
    pub deny: u32,
    /// Would go otherwise than they did.
    pub differing: u32,
}

impl PastTasks {
    /// What the rules say to them.
    pub async fn judge(&self, views: &dyn Views, rules: &Rules) -> Result<PastVerdicts, CommandError> {
        let agent = self.agent_id.as_ref().map(|id| Filter::Parent(id.to_string()));
        let query = Query {
            account_id: Some(self.account_id.clone()),
            filters: agent.into_iter().collect(),
            limit: self.limit.clamp(1, MAX_PAST_TASKS),
            ..Query::default()
        };
        let tasks = views.page::<Tasks>(&query).await?.data;
        let data: Vec<_> = tasks.into_iter().map(|task| judged(task, rules)).collect();
        let mut counts = PastCounts::default();
        for one in &data {
            match one.verdict.decision {
                Decision::Allow => counts.allow += 1,
                Decision::RequireConfirm => counts.require_confirm += 1,
                Decision::Deny => counts.deny += 1,
            }
            counts.differing += u32::from(one.differs == Some(true));
        }
        Ok(PastVerdicts { data, counts })
    }
}

fn judged(task: TaskDoc, rules: &Rules) -> PastVerdict {
    let verdict = rules.evaluate(&task.description);
    let happened = happened(&task);
    PastVerdict {
        differs: happened.map(|happened| happened != verdict.decision),
        happened,
        verdict,
        task_id: task.id,
        agent_id: task.agent_id,
        description: task.description,
        status: task.status,
        created_at: task.created_at,
    }
}

/// What the policy of the time had done with the task, as far as its history tells.
fn happened(task: &TaskDoc) -> Option<Decision> {
    let failure = task.failure.as_ref().map(|failure| failure.code.as_str());
    if failure == Some(DENIED_BY_POLICY) {
        Some(Decision::Deny)
    } else if task.approval.is_some() {
        Some(Decision::RequireConfirm)
    } else if task.status == TaskStatus::Completed {
        Some(Decision::Allow)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
