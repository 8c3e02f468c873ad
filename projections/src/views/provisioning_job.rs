//! Provisioning jobs with their stages and log.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, Decider, Envelope, JobId, RuntimeId,
    provisioning_job::{JobLogLevel, JobStatus, ProvisioningJob, ProvisioningJobEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::{Document, Projection, Source, Touch};

/// A provisioning job as it is read. It outlives its runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisioningJobDoc {
    /// Its id.
    pub id: JobId,
    /// Who pays.
    pub account_id: AccountId,
    /// The runtime being made.
    pub runtime_id: RuntimeId,
    /// The agent it is made for.
    pub agent_id: Option<AgentId>,
    /// Where it is.
    pub status: JobStatus,
    /// Last stage reached.
    pub stage: Option<String>,
    /// Its log, in order.
    pub log: Vec<JobLogLine>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// When it was requested.
    pub created_at: DateTime<Utc>,
    /// When anything about it changed last.
    pub updated_at: DateTime<Utc>,
    /// When it was done or failed.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobLogLine {
    /// Its number.
    pub seq: u32,
    /// The stage it was written in.
    pub stage: Option<String>,
    /// How grave.
    pub level: JobLogLevel,
    /// The line.
    pub message: String,
    /// When it was recorded.
    pub at: DateTime<Utc>,
}

impl Document for ProvisioningJobDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.runtime_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of provisioning jobs.
#[derive(Debug)]
pub struct ProvisioningJobs;

impl Projection for ProvisioningJobs {
    type Doc = ProvisioningJobDoc;
    const NAME: &'static str = "provisioning_jobs";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["agent_id"];
    const PARENT: Option<&'static str> = Some("runtime_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::ProvisioningJob(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<ProvisioningJobDoc>, envelope: &Envelope) -> Option<ProvisioningJobDoc> {
        let AnyEvent::ProvisioningJob(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        if let ProvisioningJobEvent::Requested {
            job_id,
            account_id,
            runtime_id,
            agent_id,
        } = event
        {
            return Some(ProvisioningJobDoc {
                id: job_id.clone(),
                account_id: account_id.clone(),
                runtime_id: runtime_id.clone(),
                agent_id: agent_id.clone(),
                status: JobStatus::Queued,
                stage: None,
                log: Vec::new(),
                error: None,
                created_at: at,
                updated_at: at,
                finished_at: None,
            });
        }
        let mut doc = doc?;
        doc.updated_at = at;
        match event {
            ProvisioningJobEvent::Requested { .. } => {}
            ProvisioningJobEvent::Started {} => doc.status = JobStatus::Working,
            ProvisioningJobEvent::StageReached { stage, .. } => doc.stage = Some(stage.clone()),
            ProvisioningJobEvent::LogAppended { seq, level, message } => doc.log.push(JobLogLine {
                seq: *seq,
                stage: doc.stage.clone(),
                level: *level,
                message: message.clone(),
                at,
            }),
            ProvisioningJobEvent::Succeeded {} => {
                doc.status = JobStatus::Done;
                doc.finished_at = Some(at);
            }
            ProvisioningJobEvent::Failed { code, reason } => {
                doc.status = JobStatus::Failed;
                doc.error = Some(Failure {
                    code: code.clone(),
                    reason: reason.clone(),
                });
                doc.finished_at = Some(at);
            }
        }
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: ProvisioningJob::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
