//! Tasks that a gateway's agent works on, and that may halt in the middle: a command of the agent waits for a
//! person. The agent itself goes on waiting at the gateway; it continues with the decision.
//!
//! What is halted is known to this process only. After a restart, or when the gateway gave up waiting, an approved
//! task begins anew, and asks again unless it comes to the very command that was approved.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use reef_commands::ports::{DriverError, LogLevel, RuntimeSpec, TaskAssignment};
use reef_domain::TaskId;
use tokio_util::task::AbortOnDropHandle;

use super::{
    tasks::{Answer, ask},
    worker::Worker,
};
use crate::{
    judge::{Judgement, judge},
    model::ModelError,
    openclaw::{ExecRequest, Gateway, Watch},
    reports::report,
};

/// The rule that is shown where the gateway, not the policy, asks.
const GATEWAY_RULE: &str = "OpenClaw exec approval";
/// Between two looks at whether a halted task was rejected meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A task that an agent of the gateway works on.
struct UnderWay {
    answer: AbortOnDropHandle<Answer>,
    asked: Watch,
    /// The command that waits.
    open: Option<ExecRequest>,
}

/// Tasks that wait for a person, by id.
#[derive(Default)]
pub(super) struct Halted(Mutex<HashMap<TaskId, UnderWay>>);

impl Halted {
    fn take(&self, task: &TaskId) -> Option<UnderWay> {
        self.0.lock().remove(task)
    }

    /// Whether the task still waits with that request.
    fn waits_with(&self, task: &TaskId, request: &str) -> bool {
        let halted = self.0.lock();
        let open = halted.get(task).and_then(|halted| halted.open.as_ref());
        open.is_some_and(|open| open.id == request)
    }
}

impl Worker {
    /// Has an agent of the gateway work on the task, or go on with it. `None`: it waits for a person.
    pub(super) async fn through(
        &self,
        gateway: &Arc<Gateway>,
        spec: &RuntimeSpec,
        task: &TaskAssignment,
    ) -> Result<Option<Answer>, DriverError> {
        let (mut work, mut granted) = match self.halted.take(&task.task_id) {
            Some(halted) => resume(gateway, halted).await,
            None => (None, None),
        };
        let mut work = match work.take() {
            Some(work) => work,
            None => self.begin(gateway, spec, task).await?,
        };
        loop {
            let request = tokio::select! {
                answer = &mut work.answer => {
                    let broken = |error: &dyn std::fmt::Display| ModelError::Misconfigured(error.to_string());
                    return Ok(Some(answer.unwrap_or_else(|error| Err(broken(&error)))));
                }
                request = work.asked.next() => request,
            };
            if granted
                .take_if(|granted: &mut ExecRequest| is_same(granted, &request))
                .is_some()
            {
                self.tell(gateway, &request, true).await;
            } else if let Some(reason) = denied(task, &request) {
                self.note(
                    spec,
                    task,
                    LogLevel::Warn,
                    &format!("a command was denied: {reason}"),
                );
                self.tell(gateway, &request, false).await;
            } else {
                return self.halt(gateway, spec, task, work, request).await;
            }
        }
    }

    async fn begin(
        &self,
        gateway: &Arc<Gateway>,
        spec: &RuntimeSpec,
        task: &TaskAssignment,
    ) -> Result<UnderWay, DriverError> {
        gateway.ready().await?;
        let asked = gateway.watch("task", task.task_id.as_str());
        let session = Some(asked.session().to_owned());
        let (client, request) = self.asking(spec, task, session).await?;
        Ok(UnderWay {
            answer: AbortOnDropHandle::new(tokio::spawn(ask(client, request))),
            asked,
            open: None,
        })
    }

    /// Asks a person, in whose time the agent waits.
    async fn halt(
        &self,
        gateway: &Arc<Gateway>,
        spec: &RuntimeSpec,
        task: &TaskAssignment,
        mut work: UnderWay,
        request: ExecRequest,
    ) -> Result<Option<Answer>, DriverError> {
        let reason = format!(
            "the agent wants to run `{}` in {}",
            request.command, request.folder
        );
        self.note(
            spec,
            task,
            LogLevel::Info,
            "waits for a person: the agent wants to run a command",
        );
        let node = &self.ports.node;
        let asked = report(|| node.request_approval(&task.task_id, GATEWAY_RULE, &reason)).await;
        if !matches!(asked, Ok(Some(()))) {
            // Nobody will decide.
            self.tell(gateway, &request, false).await;
            return asked.map(|_| None);
        }
        let id = request.id.clone();
        work.open = Some(request);
        self.halted.0.lock().insert(task.task_id.clone(), work);
        tokio::spawn(refuse_once_rejected(
            Arc::clone(&self.halted),
            Arc::clone(node),
            Arc::clone(gateway),
            task.task_id.clone(),
            id,
        ));
        Ok(None)
    }

    async fn tell(&self, gateway: &Gateway, request: &ExecRequest, allow: bool) {
        if let Err(reason) = gateway.decide(&request.id, allow).await {
            tracing::warn!(reason, "the gateway did not take a decision");
        }
    }
}

/// Goes on with what waited, now that a person said yes. Where that is not possible any more, what was allowed
/// is given instead.
async fn resume(gateway: &Gateway, mut halted: UnderWay) -> (Option<UnderWay>, Option<ExecRequest>) {
    let Some(open) = halted.open.take() else {
        return (Some(halted), None);
    };
    if halted.answer.is_finished() {
        return (None, Some(open));
    }
    match gateway.decide(&open.id, true).await {
        Ok(()) => (Some(halted), None),
        Err(reason) => {
            tracing::info!(reason, "the gateway no longer waits; the task begins anew");
            (None, Some(open))
        }
    }
}

fn is_same(one: &ExecRequest, other: &ExecRequest) -> bool {
    one.command == other.command && one.folder == other.folder
}

/// Why the agent's policy forbids the command. What it allows is still asked for: a rule about words cannot
/// tell what else a command line does.
fn denied(task: &TaskAssignment, request: &ExecRequest) -> Option<String> {
    let rules = task.bundle.policy_rules.as_deref()?;
    match judge(Some(rules), &[], &request.command) {
        Judgement::Denied { reason } => Some(reason),
        Judgement::Allowed | Judgement::NeedsConfirmation { .. } => None,
    }
}

/// Nobody tells a runtime that a task was rejected or that its approval expired: this looks.
async fn refuse_once_rejected(
    halted: Arc<Halted>,
    node: Arc<dyn reef_commands::ports::NodeEvents>,
    gateway: Arc<Gateway>,
    task: TaskId,
    request: String,
) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if !halted.waits_with(&task, &request) {
            return;
        }
        // A log that does not answer is asked again.
        if let Ok(false) = node.is_open(&task).await
            && halted.waits_with(&task, &request)
        {
            let work = halted.take(&task);
            if let Err(reason) = gateway.decide(&request, false).await {
                tracing::warn!(reason, "the gateway did not take a decision");
            }
            // The agent hears of it and ends by itself; what it says has no use any more.
            if let Some(work) = work {
                drop(work.answer.await);
            }
            return;
        }
    }
}
