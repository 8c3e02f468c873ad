//! Task orchestration: hands tasks to agents that can work on them, and ends those that nobody can.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use parking_lot::Mutex;
use reef_domain::{
    AgentId, AnyEvent, Decider as _, Envelope, RuntimeId, TaskId,
    agent::{Agent, AgentEvent, AgentStatus},
    runtime::RuntimeEvent,
    task::{Task, TaskCommand, TaskEvent, TaskStatus},
};
use reef_projections::Filter;

use super::{Context, bundle::bundle_in_force, spec_of};
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
    /// Hand out everything that waits for the agents of a runtime that came up.
    HandOutAll(RuntimeId),
    /// End the open tasks of an agent that was stopped: it will not work on them.
    FailOpen(AgentId),
    /// End what was being worked on when the runtime went down.
    FailRunning(RuntimeId),
}

/// The task manager.
pub struct Tasks {
    context: Context,
    /// Tasks being worked on by this process: two events may ask for the same one.
    at_work: Mutex<HashMap<TaskId, Weak<tokio::sync::Mutex<()>>>>,
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
        // Ending tasks has keys of its own: it must not wait until the tasks being worked on are done.
        let (key, step, action) = match &envelope.event {
            AnyEvent::Task(TaskEvent::Submitted { .. } | TaskEvent::Approved { .. }) => {
                ("task", "hand-out", Action::HandOut(TaskId::new(id())))
            }
            AnyEvent::Agent(
                AgentEvent::Started {} | AgentEvent::Restarted {} | AgentEvent::Pushed { .. },
            ) => (
                "agent",
                "hand-out-waiting",
                Action::HandOutWaiting(AgentId::new(id())),
            ),
            AnyEvent::Runtime(RuntimeEvent::Running { .. }) => (
                "runtime",
                "hand-out-all",
                Action::HandOutAll(RuntimeId::new(id())),
            ),
            AnyEvent::Agent(AgentEvent::Stopped { .. }) => {
                ("stopped-agent", "fail-open", Action::FailOpen(AgentId::new(id())))
            }
            AnyEvent::Runtime(RuntimeEvent::Stopped { .. } | RuntimeEvent::Failed { .. }) => (
                "stopped-runtime",
                "fail-running",
                Action::FailRunning(RuntimeId::new(id())),
            ),
            AnyEvent::Account(_)
            | AnyEvent::Activity(_)
            | AnyEvent::Agent(_)
            | AnyEvent::ApiKey(_)
            | AnyEvent::Conversation(_)
            | AnyEvent::Cron(_)
            | AnyEvent::InviteCode(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Login(_)
            | AnyEvent::Machine(_)
            | AnyEvent::Policy(_)
            | AnyEvent::ProvisioningJob(_)
            | AnyEvent::Reservation(_)
            | AnyEvent::Runtime(_)
            | AnyEvent::Secrets(_)
            | AnyEvent::Settings(_)
            | AnyEvent::Skill(_)
            | AnyEvent::SkillInstallations(_)
            | AnyEvent::Task(_)
            | AnyEvent::Template(_)
            | AnyEvent::Webhook(_)
            | AnyEvent::WorkspaceFiles(_) => return Vec::new(),
        };
        vec![Intent::new(
            format!("{key}/{}", envelope.aggregate_id),
            step,
            action,
        )]
    }

    async fn perform(&self, action: &Action, cause: &Cause) -> Result<(), EffectError> {
        match action {
            Action::HandOut(task) => self.hand_out(task, cause).await,
            Action::HandOutWaiting(agent) => self.hand_out_waiting(agent.as_str(), cause).await,
            Action::HandOutAll(runtime) => {
                for agent in self.agents_on(runtime).await? {
                    self.hand_out_waiting(&agent, cause).await?;
                }
                Ok(())
            }
            Action::FailOpen(agent) => self.fail_open(agent, cause).await,
            Action::FailRunning(runtime) => self.fail_running(runtime, cause).await,
        }
    }
}

impl Tasks {
    async fn tasks_of(&self, agent: &str, status: TaskStatus) -> Result<Vec<TaskId>, EffectError> {
        let filters = vec![
            Filter::Parent(agent.to_owned()),
            Filter::Status(status.name().to_owned()),
        ];
        Ok(self
            .context
            .ids("tasks", filters)
            .await?
            .into_iter()
            .map(TaskId::from)
            .collect())
    }

    async fn agents_on(&self, runtime: &RuntimeId) -> Result<Vec<String>, EffectError> {
        let on_it = Filter::Field("runtime_id".to_owned(), runtime.to_string());
        Ok(self.context.ids("agents", vec![on_it]).await?)
    }

    /// What waits, and what was approved while the agent was away.
    async fn hand_out_waiting(&self, agent: &str, cause: &Cause) -> Result<(), EffectError> {
        let mut waiting = self.tasks_of(agent, TaskStatus::Running).await?;
        waiting.extend(self.tasks_of(agent, TaskStatus::Pending).await?);
        let done: Vec<_> = stream::iter(waiting)
            .map(|task| async move { self.hand_out(&task, cause).await })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        done.into_iter().collect()
    }

    async fn fail_open(&self, id: &AgentId, cause: &Cause) -> Result<(), EffectError> {
        // Started again meanwhile: then it will work on them.
        let agent = self.context.bus.state::<Agent>(id).await?;
        if agent.is_none_or(|agent| agent.status != AgentStatus::Stopped) {
            return Ok(());
        }
        for status in [
            TaskStatus::Pending,
            TaskStatus::Running,
            TaskStatus::AwaitingApproval,
        ] {
            for task in self.tasks_of(id.as_str(), status).await? {
                self.fail(&task, "agent_stopped", "its agent was stopped", cause)
                    .await?;
            }
        }
        Ok(())
    }

    async fn fail_running(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        if self
            .context
            .runtime(id)
            .await?
            .is_some_and(|runtime| runtime.is_running())
        {
            return Ok(());
        }
        for agent in self.agents_on(id).await? {
            for task in self.tasks_of(&agent, TaskStatus::Running).await? {
                self.fail(&task, "runtime_stopped", "VM stopped", cause).await?;
            }
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

    /// One worker per task in this process. Whoever comes second waits and then looks at what is left to do.
    fn turn(&self, task: &TaskId) -> Arc<tokio::sync::Mutex<()>> {
        let mut at_work = self.at_work.lock();
        if let Some(turn) = at_work.get(task).and_then(Weak::upgrade) {
            return turn;
        }
        at_work.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        at_work.insert(task.clone(), Arc::downgrade(&turn));
        turn
    }

    /// Has the agent work on the task. Where agent or runtime are not up, their coming up will.
    async fn hand_out(&self, id: &TaskId, cause: &Cause) -> Result<(), EffectError> {
        let turn = self.turn(id);
        let _working = turn.lock().await;
        let bus = &self.context.bus;
        let mut wait = Duration::from_millis(200);
        let mut trouble = String::new();
        for _ in 0..TRIES {
            let Some(task) = bus.state::<Task>(id).await?.filter(|task| is_to_do(task)) else {
                return Ok(());
            };
            let Some(agent_id) = task.agent_id.clone() else {
                return Ok(());
            };
            let Some(agent) = bus.state::<Agent>(&agent_id).await? else {
                return Ok(());
            };
            if agent.is_gone() {
                return self
                    .fail(id, "agent_deleted", "its agent was deleted", cause)
                    .await;
            }
            let up = agent
                .runtime_id
                .clone()
                .filter(|_| agent.status == AgentStatus::Running);
            let Some(runtime_id) = up else { return Ok(()) };
            let Some(runtime) = self.context.runtime(&runtime_id).await? else {
                return Ok(());
            };
            // In a new run the agent is pushed first: it works by the rules of this push, not of the last.
            let pushed = agent
                .pushed
                .as_ref()
                .is_none_or(|pushed| pushed.run == runtime.run);
            let Some(spec) = spec_of(&runtime).filter(|_| runtime.is_running() && pushed) else {
                return Ok(());
            };
            let assignment = TaskAssignment {
                task_id: id.clone(),
                description: task.description.clone(),
                approved: task.approved,
                bundle: bundle_in_force(bus, &agent_id, &agent).await?,
            };
            match self
                .context
                .driver(&runtime.provider)?
                .run_task(&spec, assignment)
                .await
            {
                // Looked at again: the report may have been lost.
                Ok(()) if !bus.state::<Task>(id).await?.is_some_and(|task| is_to_do(&task)) => return Ok(()),
                Ok(()) => "the runtime did not report what became of it".clone_into(&mut trouble),
                Err(DriverError::Transient(reason)) => trouble = reason,
                Err(error @ DriverError::Permanent(_)) => {
                    return self.fail(id, "runtime_error", &error.to_string(), cause).await;
                }
            }
            tracing::info!(task = %id, reason = trouble, "the task is not done yet; trying again");
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        // A task must not stay running when nothing runs it.
        self.fail(id, "runtime_error", &trouble, cause).await
    }
}

fn is_to_do(task: &Task) -> bool {
    matches!(task.status, TaskStatus::Pending | TaskStatus::Running)
}
