//! `ProvisioningJob`: the asynchronous making of a runtime, with its stages and its log.
//!
//! **Invariants:** stages and log lines are numbered upwards and late ones are ignored; a finished job
//! never changes again. The job outlives its runtime, so that a failure can still be read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AgentId, AnyEvent, Decider, JobId, Refusal, RefusalKind, RuntimeId, event::events, text,
};

/// A provisioning job, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProvisioningJob {
    /// Its id, once it was requested.
    pub job_id: Option<JobId>,
    /// Who pays.
    pub account_id: Option<AccountId>,
    /// The runtime being made.
    pub runtime_id: Option<RuntimeId>,
    /// Where it is.
    pub status: JobStatus,
    /// Number of the last stage.
    pub stage_seq: u32,
    /// Number of the last log line.
    pub log_seq: u32,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Nobody works on it yet.
    #[default]
    Queued,
    /// The provider is at it.
    Working,
    /// The runtime was seen running.
    Done,
    /// It will not become a runtime.
    Failed,
}

impl JobStatus {
    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Working => "working",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether the job will never change again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Working => false,
            Self::Done | Self::Failed => true,
        }
    }
}

/// How grave a log line is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobLogLevel {
    /// Ordinary.
    #[default]
    Info,
    /// Odd, but it went on.
    Warn,
    /// It failed.
    Error,
}

/// What a job can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum ProvisioningJobCommand {
    /// Queue it.
    Request {
        /// New id.
        job_id: JobId,
        /// Who pays.
        account_id: AccountId,
        /// The runtime to make.
        runtime_id: RuntimeId,
        /// The agent it is made for, if it is made for one.
        agent_id: Option<AgentId>,
    },
    /// Work begins.
    Start,
    /// A stage was reached.
    ReachStage {
        /// Number of the stage, from 1; not greater than the last one: ignored.
        seq: u32,
        /// Its name.
        stage: String,
    },
    /// A line for the job's log.
    AppendLog {
        /// Number of the line, from 1; not greater than the last one: ignored.
        seq: u32,
        /// How grave.
        level: JobLogLevel,
        /// The line, cut to 2,000 bytes.
        message: String,
    },
    /// The runtime was seen running.
    Succeed,
    /// It will not become a runtime.
    Fail {
        /// Stable code.
        code: String,
        /// For people, cut to 2,000 bytes.
        reason: String,
    },
}

events! {
    /// What can happen to a provisioning job.
    pub enum ProvisioningJobEvent {
        /// It was queued.
        Requested = "ProvisioningRequested", 1 {
            /// Its id.
            job_id: JobId,
            /// Who pays.
            account_id: AccountId,
            /// The runtime to make.
            runtime_id: RuntimeId,
            /// The agent it is made for.
            agent_id: Option<AgentId>,
        },
        /// Work began.
        Started = "ProvisioningStarted", 1 {},
        /// A stage was reached.
        StageReached = "ProvisioningStageReached", 1 {
            /// Number of the stage.
            seq: u32,
            /// Its name.
            stage: String,
        },
        /// The log grew.
        LogAppended = "ProvisioningLogAppended", 1 {
            /// Number of the line.
            seq: u32,
            /// How grave.
            level: JobLogLevel,
            /// The line.
            message: String,
        },
        /// The runtime was seen running.
        Succeeded = "ProvisioningSucceeded", 1 {},
        /// It will not become a runtime.
        Failed = "ProvisioningFailed", 1 {
            /// Stable code.
            code: String,
            /// For people.
            reason: String,
        },
    }
}

/// Why a job says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProvisioningJobRefusal {
    /// No such job.
    #[error("there is no such provisioning job")]
    JobNotFound,
    /// The id is taken.
    #[error("the provisioning job was requested before")]
    JobAlreadyRequested,
}

impl Refusal for ProvisioningJobRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::JobNotFound => "provisioning_job_not_found",
            Self::JobAlreadyRequested => "provisioning_job_already_requested",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::JobNotFound => RefusalKind::NotFound,
            Self::JobAlreadyRequested => RefusalKind::Conflict,
        }
    }
}

/// Longest text of a stage, line or reason, in bytes.
const MAX_TEXT: usize = 2000;
/// Lines kept per job; further ones are ignored.
const MAX_LINES: u32 = 1000;

impl Decider for ProvisioningJob {
    const TYPE: &'static str = "provisioning_job";
    type Command = ProvisioningJobCommand;
    type Event = ProvisioningJobEvent;
    type Refusal = ProvisioningJobRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        use ProvisioningJobCommand as Command;
        use ProvisioningJobEvent as Event;
        if let Command::Request {
            job_id,
            account_id,
            runtime_id,
            agent_id,
        } = command
        {
            return if self.job_id.is_some() {
                Err(ProvisioningJobRefusal::JobAlreadyRequested)
            } else {
                Ok(vec![Event::Requested {
                    job_id,
                    account_id,
                    runtime_id,
                    agent_id,
                }])
            };
        }
        if self.job_id.is_none() {
            return Err(ProvisioningJobRefusal::JobNotFound);
        }
        if self.status.is_final() {
            return Ok(vec![]);
        }
        Ok(match command {
            Command::Start if self.status == JobStatus::Queued => vec![Event::Started {}],
            Command::ReachStage { seq, stage } if seq > self.stage_seq => {
                vec![Event::StageReached {
                    seq,
                    stage: text::cut(&stage, MAX_TEXT),
                }]
            }
            Command::AppendLog { seq, level, message } if seq > self.log_seq && seq <= MAX_LINES => {
                vec![Event::LogAppended {
                    seq,
                    level,
                    message: text::cut(&message, MAX_TEXT),
                }]
            }
            Command::Request { .. }
            | Command::Start
            | Command::ReachStage { .. }
            | Command::AppendLog { .. } => vec![],
            Command::Succeed => vec![Event::Succeeded {}],
            Command::Fail { code, reason } => {
                vec![Event::Failed {
                    code: text::cut(&code, 100),
                    reason: text::cut(&reason, MAX_TEXT),
                }]
            }
        })
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            ProvisioningJobEvent::Requested {
                job_id,
                account_id,
                runtime_id,
                ..
            } => {
                self.job_id = Some(job_id.clone());
                self.account_id = Some(account_id.clone());
                self.runtime_id = Some(runtime_id.clone());
            }
            ProvisioningJobEvent::Started {} => self.status = JobStatus::Working,
            ProvisioningJobEvent::StageReached { seq, .. } => self.stage_seq = *seq,
            ProvisioningJobEvent::LogAppended { seq, .. } => self.log_seq = *seq,
            ProvisioningJobEvent::Succeeded {} => self.status = JobStatus::Done,
            ProvisioningJobEvent::Failed { .. } => self.status = JobStatus::Failed,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::ProvisioningJob(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
