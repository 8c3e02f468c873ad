//! Runs of jobs that are due.

use chrono::{DateTime, Utc};
use reef_commands::{
    activity::{ActivityReport, Did},
    ports::{AgentBundle, DriverError, LogLevel, RuntimeSpec},
};

use super::jobs::Job;
use crate::{
    embedded::{files::Holder, memory::Remembered, prompt, worker::Worker},
    reports::report,
};

impl Worker {
    /// Does what is due, then says when the next job is. One agent's jobs follow each other.
    pub(in crate::embedded) async fn run_cron(
        &self,
        spec: &RuntimeSpec,
        bundle: &AgentBundle,
    ) -> Result<(), DriverError> {
        let agent = &bundle.agent_id;
        let _running = self.tasks.lock(&format!("cron/{agent}")).await;
        self.ready(spec, bundle).await?;
        let held = self.crons.lock(agent.as_str()).await;
        let now = self.ports.clock.now();
        let Some((jobs, ledger)) = self.jobs(spec, agent).await? else {
            return Ok(());
        };
        drop(held);
        for job in &jobs.jobs {
            if let Some(due) = ledger.due(job, now) {
                self.run_job(spec, bundle, job, due).await?;
                self.settle_job(spec, bundle, job, due).await?;
            }
        }
        self.plan(spec, agent).await
    }

    async fn run_job(
        &self,
        spec: &RuntimeSpec,
        bundle: &AgentBundle,
        job: &Job,
        due: DateTime<Utc>,
    ) -> Result<(), DriverError> {
        let files = self.ready(spec, bundle).await?;
        let client = self.client(bundle, &files).await?;
        let session = self
            .gateway
            .as_ref()
            .map(|_| crate::openclaw::Gateway::once("cron"));
        let asked = prompt::task(bundle, &files, &job.message, self.terms(session));
        let answer = client.ask_whole(&asked).await;
        let job_name = job.name.clone();
        let (did, content) = match &answer {
            Ok((text, _)) => (Did::CompletedCronJob { job_name }, text.replace('\0', "")),
            Err(error) => {
                let code = "model_error".to_owned();
                let job_name = Some(job_name);
                (Did::ReportedError { code, job_name }, error.to_string())
            }
        };
        let told = ActivityReport {
            runtime_id: spec.runtime_id.clone(),
            agent_id: bundle.agent_id.clone(),
            report_id: format!("cron/{}/{}", due.timestamp_millis(), job.id),
            did,
            content,
        };
        report(|| self.ports.node.report_activity(told.clone())).await?;
        let agent = Some(&bundle.agent_id);
        match answer {
            Ok((text, usage)) => {
                let counts = format!(
                    "cron job {:?} done: {} tokens read, {} written",
                    job.name, usage.input_tokens, usage.output_tokens
                );
                self.log(spec, agent, LogLevel::Info, counts);
                let what = Remembered::Task {
                    description: &job.message,
                    result: client.is_model().then_some(text.as_str()),
                };
                self.remember(spec, &bundle.agent_id, what).await;
            }
            Err(error) => {
                let message = format!("cron job {:?} failed: {error}", job.name);
                self.log(spec, agent, LogLevel::Error, message);
            }
        }
        Ok(())
    }

    /// The jobs may have changed while one ran: what it is noted in is read again.
    async fn settle_job(
        &self,
        spec: &RuntimeSpec,
        bundle: &AgentBundle,
        job: &Job,
        due: DateTime<Utc>,
    ) -> Result<(), DriverError> {
        let _held = self.crons.lock(bundle.agent_id.as_str()).await;
        if !self.runtimes.serves(spec, &bundle.agent_id).await? {
            return Ok(());
        }
        let Some((_, mut ledger)) = self.jobs(spec, &bundle.agent_id).await? else {
            return Ok(());
        };
        ledger.settle(job, due);
        self.keep(&Holder::agent(spec, &bundle.agent_id), &ledger).await
    }
}
