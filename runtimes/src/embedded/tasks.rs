//! Work on tasks, under the agent's policy.

use std::sync::Arc;

use reef_commands::ports::{DriverError, LogLevel, RuntimeSpec, TaskAssignment, Usage};

use super::{memory::Remembered, prompt, worker::Worker};
use crate::{
    admission::{admitted, give_up},
    model::{ModelClient, ModelError, ModelRequest},
    reports::report,
};

impl Worker {
    pub(super) async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        let _held = self.tasks.lock(task.task_id.as_str()).await;
        self.runtimes.require_running(spec).await?;
        // What was applied to the runtime holds; one that has no settings of its own has the agent's.
        let applied = self.runtimes.command_bundles(spec).await?;
        let bundles = applied.as_ref().unwrap_or(&task.bundle.command_bundles);
        let note = |level, what: &str| self.note(spec, &task, level, what);
        if admitted(&*self.ports.node, &task, bundles, note).await? {
            self.work(spec, &task).await
        } else {
            Ok(())
        }
    }

    async fn work(&self, spec: &RuntimeSpec, task: &TaskAssignment) -> Result<(), DriverError> {
        let node = &*self.ports.node;
        match self.answer(spec, task).await {
            // It goes on once a person has decided.
            Ok(None) => Ok(()),
            Ok(Some(Ok((result, usage, is_model)))) => {
                self.mood.well();
                self.hand_in(spec, task, (result, usage), is_model).await
            }
            Ok(Some(Err(error))) => {
                self.mood.failed(&error);
                self.note(spec, task, LogLevel::Error, &format!("failed: {error}"));
                give_up(node, task, "model_error", &error.to_string()).await
            }
            Err(error @ DriverError::Transient(_)) => Err(error),
            Err(error @ DriverError::Permanent(_)) => {
                self.note(spec, task, LogLevel::Error, &format!("failed: {error}"));
                give_up(node, task, "runtime_error", &error.to_string()).await
            }
        }
    }

    /// The result with what it used, and whether a model gave it; or why the model gave none. `None`: a
    /// command that the agent wants to run waits for a person.
    async fn answer(&self, spec: &RuntimeSpec, task: &TaskAssignment) -> Result<Option<Answer>, DriverError> {
        if let Some(gateway) = &self.gateway {
            return self.through(gateway, spec, task).await;
        }
        let (client, request) = self.asking(spec, task, None).await?;
        Ok(Some(ask(client, request).await))
    }

    /// Who is to be asked for the result of a task, and how.
    pub(super) async fn asking(
        &self,
        spec: &RuntimeSpec,
        task: &TaskAssignment,
        session: Option<String>,
    ) -> Result<(Arc<dyn ModelClient>, ModelRequest), DriverError> {
        let files = self.ready(spec, &task.bundle).await?;
        let client = self.client(&task.bundle, &files).await?;
        let request = prompt::task(&task.bundle, &files, &task.description, self.terms(session));
        Ok((client, request))
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

    pub(super) fn note(&self, spec: &RuntimeSpec, task: &TaskAssignment, level: LogLevel, what: &str) {
        self.log(
            spec,
            Some(&task.bundle.agent_id),
            level,
            format!("task {} {what}", task.task_id),
        );
    }
}

/// What came of a task: the result with what it used, and whether a model gave it.
pub(super) type Answer = Result<(String, Usage, bool), ModelError>;

/// Asks for the whole result.
pub(super) async fn ask(client: Arc<dyn ModelClient>, request: ModelRequest) -> Answer {
    let (text, usage) = client.ask_whole(&request).await?;
    Ok((text.replace('\0', ""), usage, client.is_model()))
}
