//! Tasks: given by people, approved by people, worked on by nodes.

mod node;

use reef_domain::{
    AgentId, TaskId,
    agent::Agent,
    task::{Task, TaskCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase};

pub use node::NodeReports;

/// Code of the failure of a task that its agent's policy denies.
pub const DENIED_BY_POLICY: &str = "denied_by_policy";

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<SubmitTask>(),
    CommandSpec::of::<ApproveTask>(),
    CommandSpec::of::<RejectTask>(),
];

/// Gives an agent a task. It waits as pending until the agent runs and takes it up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitTask {
    /// The agent; any but a stopped one.
    pub agent_id: AgentId,
    /// What is to be done, 1 to 10,000 characters.
    pub description: String,
    /// Id of the task; made when absent.
    #[serde(default)]
    pub task_id: Option<TaskId>,
}

impl UseCase for SubmitTask {
    const NAME: &'static str = "SubmitTask";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "tasks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let agent = unit.owned::<Agent>(&self.agent_id).await?;
        agent.takes_work()?;
        let account_id = agent.account_id.clone();
        let account_id = unit.account(account_id.as_ref())?;
        let task_id = self.task_id.clone().unwrap_or_else(|| unit.new_id("task_"));
        let submit = TaskCommand::Submit {
            task_id: task_id.clone(),
            account_id,
            agent_id: self.agent_id.clone(),
            user_id: unit.user(None),
            description: self.description.clone(),
        };
        unit.decide::<Task>(&task_id, submit).await?;
        Ok(Outcome::of::<Task>(&task_id))
    }
}

/// Confirms a task that waits for a person; it goes on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveTask {
    /// The task, awaiting approval.
    pub task_id: TaskId,
}

impl UseCase for ApproveTask {
    const NAME: &'static str = "ApproveTask";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "tasks:approve";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Task>(&self.task_id).await?;
        let approve = TaskCommand::Approve {
            by: unit.caller().actor.to_string(),
            now: unit.now(),
        };
        unit.decide::<Task>(&self.task_id, approve).await?;
        Ok(Outcome::of::<Task>(&self.task_id))
    }
}

/// Refuses a task that waits for a person; it is not carried out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectTask {
    /// The task, awaiting approval.
    pub task_id: TaskId,
}

impl UseCase for RejectTask {
    const NAME: &'static str = "RejectTask";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "tasks:approve";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Task>(&self.task_id).await?;
        let reject = TaskCommand::Reject {
            by: unit.caller().actor.to_string(),
            now: unit.now(),
        };
        unit.decide::<Task>(&self.task_id, reject).await?;
        Ok(Outcome::of::<Task>(&self.task_id))
    }
}

#[cfg(test)]
mod tests;
