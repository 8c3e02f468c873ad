//! Cron jobs: what an agent does by itself, when it is due.
//!
//! Jobs are in the agent's workspace, `cron/jobs.json`: written by its owner, or by the agent when it is asked to. The worker says when the
//! next one is due and is woken then; it keeps no clock of its own. How far each job has come is in
//! `.reef/cron.json`. A run is reported under an id made of agent, job and due time, so one that is done again after a kill is
//! recorded once. Of due times that passed while nothing ran, the last one is made up for, once and late.

mod jobs;
mod ledger;
mod order;
mod run;
mod schedule;

use std::collections::BTreeMap;

use reef_commands::{
    activity::{ActivityReport, Did},
    ports::{DriverError, LogLevel, RuntimeSpec},
};
use reef_domain::AgentId;
use ring::digest::{SHA256, digest};

pub(super) use self::order::Order;
use self::{jobs::Jobs, ledger::Ledger};
use super::{files::Holder, worker::Worker};
use crate::reports::report;

impl Worker {
    /// Says when the agent's next job is due. Of an agent that never had any, nothing.
    pub(super) async fn plan(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<(), DriverError> {
        let held = self.crons.lock(agent.as_str()).await;
        let Some((jobs, ledger)) = self.jobs(spec, agent).await? else {
            return Ok(());
        };
        drop(held);
        if !jobs.wrong.is_empty() {
            self.complain(spec, agent, &jobs.wrong.join("\n")).await?;
        }
        let due_at = ledger.next(&jobs);
        let node = &self.ports.node;
        report(|| node.plan_cron(&spec.runtime_id, agent, due_at))
            .await
            .map(drop)
    }

    /// The jobs as they are, and how far they have come; new ones are counted from now on.
    async fn jobs(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<Option<(Jobs, Ledger)>, DriverError> {
        let holder = Holder::agent(spec, agent);
        let text = self.files.read(&holder, jobs::PATH).await?;
        let before = self.files.read(&holder, ledger::PATH).await?;
        if text.is_none() && before.is_none() {
            return Ok(None);
        }
        let jobs = text.as_deref().map(Jobs::read).unwrap_or_default();
        // What cannot be read is begun anew: the reports' ids keep what was done from being recorded again.
        let mut ledger: Ledger = before
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        if ledger.follow(&jobs, self.ports.clock.now()) || before.is_none() {
            self.keep(&holder, &ledger).await?;
        }
        Ok(Some((jobs, ledger)))
    }

    async fn keep(&self, holder: &Holder, ledger: &Ledger) -> Result<(), DriverError> {
        let text =
            serde_json::to_string(ledger).map_err(|error| DriverError::Permanent(error.to_string()))?;
        let file = BTreeMap::from([(ledger::PATH.to_owned(), text)]);
        Ok(self.files.write(holder, &file).await?)
    }

    /// Jobs that cannot be run are an error of the agent, told once for what is wrong.
    async fn complain(&self, spec: &RuntimeSpec, agent: &AgentId, wrong: &str) -> Result<(), DriverError> {
        let hash = digest(&SHA256, wrong.as_bytes());
        let hash = hex::encode(&hash.as_ref()[..8]);
        let told = ActivityReport {
            runtime_id: spec.runtime_id.clone(),
            agent_id: agent.clone(),
            report_id: format!("cron-wrong/{hash}"),
            did: Did::ReportedError {
                code: "cron_job_invalid".to_owned(),
                job_name: None,
            },
            content: wrong.to_owned(),
        };
        self.log(
            spec,
            Some(agent),
            LogLevel::Warn,
            "a cron job cannot be run".to_owned(),
        );
        report(|| self.ports.node.report_activity(told.clone()))
            .await
            .map(drop)
    }

    /// Does what the agent is told about its jobs; what to say of it.
    pub(super) async fn carry_out(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        order: Result<Order, String>,
    ) -> Result<String, DriverError> {
        let order = match order {
            Ok(order) => order,
            Err(reason) => return Ok(format!("That I cannot schedule: {reason}.")),
        };
        let holder = Holder::agent(spec, agent);
        let held = self.agents.lock(agent.as_str()).await;
        let text = self.files.read(&holder, jobs::PATH).await?;
        let text = text.as_deref();
        let (changed, said) = match order {
            Order::List => return Ok(names(text)),
            Order::Unschedule(name) => match jobs::lacking(text, &name) {
                Ok(Some(file)) => (file, format!("\"{name}\" is scheduled no more.")),
                Ok(None) => return Ok(format!("There is no job \"{name}\".")),
                Err(reason) => return Ok(format!("That I cannot change: {reason}.")),
            },
            Order::Schedule {
                name,
                schedule,
                message,
            } => match jobs::with(text, &name, &schedule, &message) {
                Ok(file) => (
                    file,
                    format!("\"{name}\" is scheduled; it is kept in {}.", jobs::PATH),
                ),
                Err(reason) => return Ok(format!("That I cannot schedule: {reason}.")),
            },
        };
        self.files
            .write(&holder, &[(jobs::PATH.to_owned(), changed)].into())
            .await?;
        drop(held);
        self.plan(spec, agent).await?;
        Ok(said)
    }
}

fn names(text: Option<&str>) -> String {
    let jobs = text.map(Jobs::read).unwrap_or_default();
    let names: Vec<_> = jobs.jobs.iter().map(|job| format!("\"{}\"", job.name)).collect();
    if names.is_empty() {
        "Nothing is scheduled.".to_owned()
    } else {
        format!("Scheduled: {}.", names.join(", "))
    }
}
