//! The embedded worker's ports on a person's machine: files on its disk, reports over the connection.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_commands::{
    CommandError,
    activity::ActivityReport,
    ports::{
        DriverError, LogLevel, LogLine, LogLines, NodeEvents, Sealed, Usage, Vault, VaultError, VaultOwner,
        runtime::{ModelSecret, SecretLookup},
    },
};
use reef_domain::{AgentId, RefusalKind, RuntimeId, TaskId, VaultRef};
use zeroize::Zeroizing;

use super::{Engine, outbox::Outbox};
use crate::{
    embedded::EmbeddedPorts,
    local::protocol::{Report, Verdict},
};

/// What the embedded worker needs, here.
pub fn embedded_ports(engine: &Engine) -> EmbeddedPorts {
    EmbeddedPorts {
        workspace: Arc::new(engine.files.clone()),
        vault: Arc::new(InClear),
        secrets: Arc::new(OwnEnvironment),
        node: Arc::new(Reporter(Arc::clone(&engine.outbox))),
        log_lines: Arc::new(Lines(Arc::clone(&engine.outbox))),
        clock: Arc::clone(&engine.clock),
    }
}

/// Reports about tasks, over whatever connection there is.
pub(super) struct Reporter(pub(super) Arc<Outbox>);

impl Reporter {
    async fn report(&self, report: Report) -> Result<(), CommandError> {
        match self.0.report(report).await {
            Some(Verdict::Taken) => Ok(()),
            Some(Verdict::Declined { .. }) => Err(CommandError::refused(
                "task_settled",
                RefusalKind::Conflict,
                "the task was settled meanwhile",
            )),
            Some(Verdict::Refused { reason }) => Err(CommandError::Corrupt(reason)),
            None => Err(CommandError::Unavailable {
                reason: "the node stops".to_owned(),
                unknown: true,
            }),
        }
    }
}

#[async_trait]
impl NodeEvents for Reporter {
    async fn claim_task(&self, task: &TaskId) -> Result<bool, CommandError> {
        // Done before the connection or the process was lost: only the report was left to send.
        if self.0.settled(task).await.is_some() {
            return Ok(false);
        }
        let claim = Report::TaskClaimed {
            task_id: task.clone(),
        };
        match self.report(claim).await {
            Ok(()) => Ok(true),
            Err(CommandError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asked by claiming: a task that a person decided to have done is to be worked on, so that is no harm.
    async fn is_open(&self, task: &TaskId) -> Result<bool, CommandError> {
        let claim = Report::TaskClaimed {
            task_id: task.clone(),
        };
        match self.0.report(claim).await {
            Some(Verdict::Taken) => Ok(true),
            Some(Verdict::Declined { over }) => Ok(!over),
            Some(Verdict::Refused { reason }) => Err(CommandError::Corrupt(reason)),
            None => Err(CommandError::Unavailable {
                reason: "the node stops".to_owned(),
                unknown: true,
            }),
        }
    }

    async fn request_approval(&self, task: &TaskId, rule: &str, reason: &str) -> Result<(), CommandError> {
        self.report(Report::ApprovalNeeded {
            task_id: task.clone(),
            rule: rule.to_owned(),
            reason: reason.to_owned(),
        })
        .await
    }

    async fn complete_task(&self, task: &TaskId, result: &str, usage: Usage) -> Result<(), CommandError> {
        self.report(Report::TaskCompleted {
            task_id: task.clone(),
            result: result.to_owned(),
            usage,
        })
        .await
    }

    async fn fail_task(&self, task: &TaskId, code: &str, reason: &str) -> Result<(), CommandError> {
        self.report(Report::TaskFailed {
            task_id: task.clone(),
            code: code.to_owned(),
            reason: reason.to_owned(),
        })
        .await
    }

    async fn report_activity(&self, report: ActivityReport) -> Result<(), CommandError> {
        self.report(report.into()).await
    }

    async fn plan_cron(
        &self,
        _: &RuntimeId,
        agent: &AgentId,
        due_at: Option<DateTime<Utc>>,
    ) -> Result<(), CommandError> {
        self.report(Report::CronPlanned {
            agent_id: agent.clone(),
            due_at,
        })
        .await
    }
}

/// Lines go to the server, and to whoever looks at the node's own output.
pub(super) struct Lines(pub(super) Arc<Outbox>);

impl LogLines for Lines {
    fn push(&self, _: &RuntimeId, agent: Option<&AgentId>, level: LogLevel, message: String) {
        let about = agent.map_or("-", AgentId::as_str);
        tracing::info!(agent = about, "{message}");
        self.0.log(Report::Logged {
            agent_id: agent.cloned(),
            level,
            message,
        });
    }

    fn tail(&self, _: &RuntimeId, _: u64, _: usize) -> Vec<LogLine> {
        Vec::new()
    }
}

/// Model keys come from the machine's own environment; the server's secrets stay there.
struct OwnEnvironment;

#[async_trait]
impl SecretLookup for OwnEnvironment {
    async fn secret(&self, _: &AgentId, _: &str) -> Result<Option<ModelSecret>, DriverError> {
        Ok(None)
    }
}

/// Files on a person's own disk are theirs to read, so nothing is sealed; and there are no secrets here.
struct InClear;

#[async_trait]
impl Vault for InClear {
    async fn seal(&self, _: &VaultOwner, _: &str, plain: &[u8]) -> Result<Sealed, VaultError> {
        String::from_utf8(plain.to_vec())
            .map(Sealed)
            .map_err(|_| VaultError::Unopenable)
    }

    async fn open(&self, _: &VaultOwner, _: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        Ok(Zeroizing::new(sealed.0.clone().into_bytes()))
    }

    async fn put(&self, _: &VaultOwner, _: &[u8]) -> Result<VaultRef, VaultError> {
        Err(VaultError::Unavailable(
            "a person's machine keeps no secrets of ours".to_owned(),
        ))
    }

    async fn get(&self, _: &VaultOwner, _: &VaultRef) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        Err(VaultError::Absent)
    }

    async fn remove(&self, _: &VaultOwner, _: &VaultRef) -> Result<(), VaultError> {
        Ok(())
    }

    async fn destroy(&self, _: &VaultOwner) -> Result<(), VaultError> {
        Ok(())
    }
}
