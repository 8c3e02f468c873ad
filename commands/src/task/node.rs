//! What nodes report about tasks and of agents, over the bus.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::{
    AgentId, RuntimeId, TaskId,
    task::{Task, TaskCommand, TaskStatus},
};

use crate::{
    Bus, Caller, CommandError, Request,
    activity::{self, ActivityReport},
    cron,
    ports::{NodeEvents, Usage},
};

/// Records what nodes report. Every report may come twice: the second changes nothing.
pub struct NodeReports {
    bus: Bus,
    approval_ttl: TimeDelta,
}

impl NodeReports {
    /// Records over this bus; an approval asked for waits `approval_ttl` for a person.
    pub fn new(bus: Bus, approval_ttl: TimeDelta) -> Self {
        Self { bus, approval_ttl }
    }

    async fn report(&self, task: &TaskId, command: TaskCommand) -> Result<(), CommandError> {
        let request = Request::new(Caller::node("task-worker"), format!("task/{task}"));
        self.bus.decide::<Task>(task, command, &request).await?;
        Ok(())
    }
}

#[async_trait]
impl NodeEvents for NodeReports {
    async fn claim_task(&self, task: &TaskId) -> Result<bool, CommandError> {
        match self.report(task, TaskCommand::Start).await {
            Ok(()) => {
                let task = self.bus.state::<Task>(task).await?;
                Ok(task.is_some_and(|task| task.status == TaskStatus::Running))
            }
            Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_open(&self, task: &TaskId) -> Result<bool, CommandError> {
        let task = self.bus.state::<Task>(task).await?;
        Ok(task.is_some_and(|task| !task.status.is_final()))
    }

    async fn request_approval(&self, task: &TaskId, rule: &str, reason: &str) -> Result<(), CommandError> {
        let expires_at = self.bus.services().clock.now() + self.approval_ttl;
        let command = TaskCommand::RequestApproval {
            rule: rule.to_owned(),
            reason: reason.to_owned(),
            expires_at,
        };
        self.report(task, command).await
    }

    async fn complete_task(&self, task: &TaskId, result: &str, usage: Usage) -> Result<(), CommandError> {
        let command = TaskCommand::Complete {
            result: result.to_owned(),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
        };
        self.report(task, command).await
    }

    async fn fail_task(&self, task: &TaskId, code: &str, reason: &str) -> Result<(), CommandError> {
        self.report(
            task,
            TaskCommand::Fail {
                code: code.to_owned(),
                reason: reason.to_owned(),
            },
        )
        .await
    }

    async fn report_activity(&self, report: ActivityReport) -> Result<(), CommandError> {
        activity::report(&self.bus, &report).await
    }

    async fn plan_cron(
        &self,
        runtime: &RuntimeId,
        agent: &AgentId,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<(), CommandError> {
        cron::plan(&self.bus, runtime, agent, due_at).await
    }
}
