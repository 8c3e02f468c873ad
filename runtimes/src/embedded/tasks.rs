//! Work on tasks, under the agent's policy.

use reef_commands::{
    ports::{DriverError, LogLevel, RuntimeSpec, TaskAssignment, Usage},
    task::DENIED_BY_POLICY,
};

use super::{memory::Remembered, prompt, worker::Worker};
use crate::{
    judge::{Judgement, judge},
    model::ModelError,
    reports::{report, reported},
};

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
                self.give_up(&task, DENIED_BY_POLICY, &reason).await
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
