//! Work on tasks, under the agent's policy.

use std::time::Duration;

use futures::future::BoxFuture;
use reef_commands::{
    CommandError,
    ports::{DriverError, LogLevel, RuntimeSpec, TaskAssignment, Usage},
};
use reef_domain::RefusalKind;

use super::{
    judge::{Judgement, judge},
    memory::Remembered,
    prompt,
    worker::Worker,
};
use crate::model::ModelError;

/// A report that the log could not take is tried so often; the work need not be done again for it.
const REPORTS: u32 = 4;

impl Worker {
    pub(super) async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        let _held = self.tasks.lock(task.task_id.as_str()).await;
        self.runtimes.require_running(spec).await?;
        let node = &self.ports.node;
        if reported(node.claim_task(&task.task_id).await)? != Some(true) {
            return Ok(());
        }
        // What was applied to the runtime holds; one that has no settings of its own has the agent's.
        let applied = self.runtimes.command_bundles(spec).await?;
        let bundles = applied.as_ref().unwrap_or(&task.bundle.command_bundles);
        match judge(task.bundle.policy_rules.as_deref(), bundles, &task.description) {
            Judgement::Denied { reason } => {
                self.note(spec, &task, LogLevel::Warn, &format!("denied: {reason}"));
                self.give_up(&task, "denied_by_policy", &reason).await
            }
            Judgement::NeedsConfirmation { rule, reason } if !task.approved => {
                self.note(
                    spec,
                    &task,
                    LogLevel::Info,
                    &format!("waits for a person: {reason}"),
                );
                report(|| node.request_approval(&task.task_id, &rule, &reason))
                    .await
                    .map(drop)
            }
            Judgement::NeedsConfirmation { .. } | Judgement::Allowed => self.work(spec, &task).await,
        }
    }

    async fn work(&self, spec: &RuntimeSpec, task: &TaskAssignment) -> Result<(), DriverError> {
        match self.answer(spec, task).await {
            Ok(Ok((result, usage, is_model))) => self.hand_in(spec, task, (result, usage), is_model).await,
            Ok(Err(error)) => {
                self.note(spec, task, LogLevel::Error, &format!("failed: {error}"));
                self.give_up(task, "model_error", &error.to_string()).await
            }
            Err(error @ DriverError::Transient(_)) => Err(error),
            Err(error @ DriverError::Permanent(_)) => {
                self.note(spec, task, LogLevel::Error, &format!("failed: {error}"));
                self.give_up(task, "runtime_error", &error.to_string()).await
            }
        }
    }

    /// The result with what it used, and whether a model gave it; or why the model gave none.
    async fn answer(
        &self,
        spec: &RuntimeSpec,
        task: &TaskAssignment,
    ) -> Result<Result<(String, Usage, bool), ModelError>, DriverError> {
        let files = self.ready(spec, &task.bundle).await?;
        let client = self.client(&task.bundle, &files).await?;
        let limits = (self.ports.clock.now(), self.models.max_tokens());
        let request = prompt::task(&task.bundle, &files, &task.description, limits);
        let answer = client.ask_whole(&request).await;
        Ok(answer.map(|(text, usage)| (text.replace('\0', ""), usage, client.is_model())))
    }

    async fn hand_in(
        &self,
        spec: &RuntimeSpec,
        task: &TaskAssignment,
        (result, usage): (String, Usage),
        is_model: bool,
    ) -> Result<(), DriverError> {
        let node = &self.ports.node;
        if report(|| node.complete_task(&task.task_id, &result, usage))
            .await?
            .is_none()
        {
            self.note(
                spec,
                task,
                LogLevel::Warn,
                "was settled meanwhile; its result is dropped",
            );
            return Ok(());
        }
        let counts = format!(
            "done: {} tokens read, {} written",
            usage.input_tokens, usage.output_tokens
        );
        self.note(spec, task, LogLevel::Info, &counts);
        let result = is_model.then_some(result.as_str());
        let what = Remembered::Task {
            description: &task.description,
            result,
        };
        self.remember(spec, &task.bundle.agent_id, what).await;
        Ok(())
    }

    async fn give_up(&self, task: &TaskAssignment, code: &str, reason: &str) -> Result<(), DriverError> {
        report(|| self.ports.node.fail_task(&task.task_id, code, reason))
            .await
            .map(drop)
    }

    fn note(&self, spec: &RuntimeSpec, task: &TaskAssignment, level: LogLevel, what: &str) {
        self.log(
            spec,
            Some(&task.bundle.agent_id),
            level,
            format!("task {} {what}", task.task_id),
        );
    }
}

/// Reports, again if the log cannot take it just now. `None`: the task is no longer ours to report on.
async fn report<'a, T>(
    call: impl Fn() -> BoxFuture<'a, Result<T, CommandError>> + Send,
) -> Result<Option<T>, DriverError> {
    let mut pause = Duration::from_millis(100);
    for _ in 1..REPORTS {
        match reported(call().await) {
            Err(DriverError::Transient(_)) => tokio::time::sleep(pause).await,
            settled @ (Ok(_) | Err(DriverError::Permanent(_))) => return settled,
        }
        pause *= 3;
    }
    reported(call().await)
}

/// What the log's answer to a report means for the work.
fn reported<T>(answer: Result<T, CommandError>) -> Result<Option<T>, DriverError> {
    let error = match answer {
        Ok(value) => return Ok(Some(value)),
        Err(error) => error,
    };
    if error.is_transient() {
        return Err(DriverError::Transient(error.to_string()));
    }
    match &error {
        CommandError::Unknown { .. }
        | CommandError::Refused {
            kind: RefusalKind::NotFound | RefusalKind::Conflict,
            ..
        } => Ok(None),
        CommandError::Refused { .. }
        | CommandError::Foreign { .. }
        | CommandError::Malformed { .. }
        | CommandError::NoSuchCommand(_)
        | CommandError::PreconditionFailed { .. }
        | CommandError::KeyReused
        | CommandError::KeyInFlight
        | CommandError::Contention(_)
        | CommandError::Unavailable { .. }
        | CommandError::Corrupt(_) => Err(DriverError::Permanent(error.to_string())),
    }
}
