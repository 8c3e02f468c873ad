//! Task orchestration: hands tasks to agents that can work on them, and ends those that nobody can.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use parking_lot::Mutex;
use reef_domain::{
    AgentId, AnyEvent, Envelope, RuntimeId, TaskId,
    agent::{Agent, AgentEvent, AgentStatus},
    runtime::{RuntimeEvent, RuntimeStatus},
    task::{Resolution, Task, TaskCommand, TaskEvent, TaskStatus},
};
use reef_projections::Filter;

use super::{Context, bundle::bundle_of, spec_of};
use crate::{
    CommandError,
    follower::{Cause, EffectError, Intent, ProcessManager},
    ports::{DriverError, TaskAssignment},
};

/// Name of the manager.
pub const NAME: &str = "tasks";
/// Tasks of one agent worked on side by side when it comes up.
const SIDE_BY_SIDE: usize = 4;
/// Tries of one task on a runtime that does not answer, before the task fails.
const TRIES: u32 = 5;

/// What the task manager does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Have the agent work on the task, if it can.
    HandOut(TaskId),
    /// Hand out everything that waits for the agent.
    HandOutWaiting(AgentId),
    /// End the agent's open tasks: it will not work on them.
    FailOpen(AgentId, &'static str),
    /// End what was being worked on when the runtime went down.
    FailRunning(RuntimeId),
}

/// The task manager.
pub struct Tasks {
    context: Context,
    /// Tasks being worked on by this process: two events may ask for the same one.
    at_work: Mutex<HashSet<TaskId>>,
}

impl Tasks {
    /// The manager.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            at_work: Mutex::default(),
        }
    }
}

#[async_trait]
impl ProcessManager for Tasks {
    type Action = Action;

    fn name(&self) -> &'static str {
        NAME
    }

    fn react(&self, envelope: &Envelope) -> Vec<Intent<Action>> {
        let id = || Arc::clone(&envelope.aggregate_id);
        let of_agent = |step, action| {
            vec![Intent::new(
                format!("agent/{}", envelope.aggregate_id),
                step,
                action,
            )]
        };
        match &envelope.event {
            AnyEvent::Task(TaskEvent::Submitted { .. } | TaskEvent::Approved { .. }) => {
                let task = TaskId::new(id());
                vec![Intent::new(
                    format!("task/{task}"),
                    "hand-out",
                    Action::HandOut(task),
                )]
            }
            AnyEvent::Agent(AgentEvent::Started {} | AgentEvent::Restarted {}) => {
                of_agent("hand-out-waiting", Action::HandOutWaiting(AgentId::new(id())))
            }
            AnyEvent::Agent(AgentEvent::Stopped { .. }) => {
                of_agent("fail-open", Action::FailOpen(AgentId::new(id()), "agent_stopped"))
            }
            AnyEvent::Agent(AgentEvent::DeletionStarted {}) => {
                of_agent("fail-open", Action::FailOpen(AgentId::new(id()), "agent_deleted"))
            }
            AnyEvent::Runtime(RuntimeEvent::Stopped { .. } | RuntimeEvent::Failed { .. }) => {
                let runtime = RuntimeId::new(id());
                vec![Intent::new(
                    format!("runtime/{runtime}"),
                    "fail-running",
                    Action::FailRunning(runtime),
                )]
            }
            AnyEvent::Account(_)
            | AnyEvent::Agent(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Conversation(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Policy(_)
            | AnyEvent::ProvisioningJob(_)
            | AnyEvent::Reservation(_)
            | AnyEvent::Runtime(_)
            | AnyEvent::Secrets(_)
            | AnyEvent::Settings(_)
            | AnyEvent::Task(_)
            | AnyEvent::Template(_) => Vec::new(),
        }
    }

    async fn perform(&self, action: &Action, cause: &Cause) -> Result<(), EffectError> {
        match action {
            Action::HandOut(task) => self.hand_out(task, cause).await,
            Action::HandOutWaiting(agent) => {
                let waiting = self.tasks_of(agent.as_str(), "pending").await?;
                let done: Vec<_> = stream::iter(waiting)
                    .map(|task| async move { self.hand_out(&TaskId::from(task), cause).await })
                    .buffer_unordered(SIDE_BY_SIDE)
                    .collect()
                    .await;
                done.into_iter().collect()
            }
            Action::FailOpen(agent, code) => {
                for status in ["pending", "running", "awaiting_approval"] {
                    self.fail_all(agent.as_str(), status, code, cause).await?;
                }
                Ok(())
            }
            Action::FailRunning(runtime) => {
                let on_it = Filter::Field("runtime_id".to_owned(), runtime.to_string());
                for agent in self.context.ids("agents", vec![on_it]).await? {
                    self.fail_all(&agent, "running", "runtime_stopped", cause).await?;
                }
                Ok(())
            }
        }
    }
}

impl Tasks {
    async fn tasks_of(&self, agent: &str, status: &str) -> Result<Vec<String>, EffectError> {
        let filters = vec![
            Filter::Parent(agent.to_owned()),
            Filter::Status(status.to_owned()),
        ];
        Ok(self.context.ids("tasks", filters).await?)
    }

    async fn fail_all(
        &self,
        agent: &str,
        status: &str,
        code: &str,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        for task in self.tasks_of(agent, status).await? {
            let reason = match code {
                "agent_stopped" => "its agent was stopped",
                "agent_deleted" => "its agent was deleted",
                _ => "its runtime stopped while it was running",
            };
            self.fail(&TaskId::from(task), code, reason, cause).await?;
        }
        Ok(())
    }

    async fn fail(&self, task: &TaskId, code: &str, reason: &str, cause: &Cause) -> Result<(), EffectError> {
        let fail = TaskCommand::Fail {
            code: code.to_owned(),
            reason: reason.to_owned(),
        };
        match self
            .context
            .bus
            .decide::<Task>(task, fail, &cause.request(task.as_str()))
            .await
        {
            // Ended or purged meanwhile.
            Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the agent work on the task. Where agent or runtime are not up, their coming up will.
    async fn hand_out(&self, id: &TaskId, cause: &Cause) -> Result<(), EffectError> {
        let Some(_working) = AtWork::begin(&self.at_work, id) else {
            return Ok(());
        };
        let bus = &self.context.bus;
        let Some(task) = bus.state::<Task>(id).await? else {
            return Ok(());
        };
        if !matches!(task.status, TaskStatus::Pending | TaskStatus::Running) {
            return Ok(());
        }
        let Some(agent_id) = task.agent_id.clone() else {
            return Ok(());
        };
        let Some(agent) = bus.state::<Agent>(&agent_id).await? else {
            return Ok(());
        };
        let Some(runtime_id) = agent
            .runtime_id
            .clone()
            .filter(|_| agent.status == AgentStatus::Running)
        else {
            return Ok(());
        };
        let Some(runtime) = self.context.runtime(&runtime_id).await? else {
            return Ok(());
        };
        let Some(spec) = spec_of(&runtime).filter(|_| runtime.status == RuntimeStatus::Running) else {
            return Ok(());
        };
        let assignment = TaskAssignment {
            task_id: id.clone(),
            description: task.description.clone(),
            approved: task
                .approval
                .as_ref()
                .is_some_and(|approval| approval.resolution == Some(Resolution::Approved)),
            bundle: bundle_of(bus, &agent_id, &agent).await?,
        };
        let driver = self.context.driver(&runtime.provider)?;
        let mut wait = Duration::from_millis(200);
        for left in (0..TRIES).rev() {
            match driver.run_task(&spec, assignment.clone()).await {
                Ok(()) => return Ok(()),
                Err(DriverError::Transient(reason)) if left > 0 => {
                    tracing::info!(task = %id, %reason, "the runtime does not take the task; trying again");
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                // A task must not stay running when nothing runs it.
                Err(error) => return self.fail(id, "runtime_error", &error.to_string(), cause).await,
            }
        }
        Ok(())
    }
}

/// A task being worked on by this process.
struct AtWork<'a> {
    set: &'a Mutex<HashSet<TaskId>>,
    task: TaskId,
}

impl<'a> AtWork<'a> {
    fn begin(set: &'a Mutex<HashSet<TaskId>>, task: &TaskId) -> Option<Self> {
        set.lock().insert(task.clone()).then(|| Self {
            set,
            task: task.clone(),
        })
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.set.lock().remove(&self.task);
    }
}
