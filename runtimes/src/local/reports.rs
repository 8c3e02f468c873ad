//! What machines report, recorded and acknowledged.

use std::{sync::Arc, time::Duration};

use reef_commands::{CommandError, machine::ConnectedMachine};
use reef_domain::{RefusalKind, TaskId};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    hub::Hub,
    link::Link,
    protocol::{FromServer, Hello, Report, Verdict},
};

/// Longest log line, in bytes.
pub(super) const MAX_LINE: usize = 8 << 10;
/// Between two tries to record a report.
const PAUSE: Duration = Duration::from_millis(500);

impl Hub {
    /// Records a report and acknowledges it; while the log does not answer, it tries again as long as the
    /// connection lasts. After that the machine reports again.
    pub(super) fn take(
        &self,
        link: &Arc<Link>,
        hello: &Hello,
        seq: u64,
        report: Report,
        turn: OwnedSemaphorePermit,
    ) {
        if let Report::Logged { .. } = &report {
            self.log(&link.machine, &hello.instance, seq, report);
            acknowledge(link, seq, Verdict::Taken);
            return;
        }
        let (hub, link) = (self.clone(), Arc::clone(link));
        tokio::spawn(async move {
            let _turn = turn;
            loop {
                match hub.record(&link.machine, &report).await {
                    Ok(verdict) => return acknowledge(&link, seq, verdict),
                    Err(error) if error.is_transient() => {
                        tracing::info!(%error, "a machine's report is not recorded yet");
                    }
                    Err(error) => return acknowledge(&link, seq, verdict_of(&error)),
                }
                tokio::select! {
                    () = link.ended.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        });
    }

    /// A line that comes again was kept already.
    fn log(&self, machine: &ConnectedMachine, instance: &str, seq: u64, report: Report) {
        let Report::Logged {
            agent_id,
            level,
            mut message,
        } = report
        else {
            return;
        };
        {
            let mut logged = self.0.logged.lock();
            let known = logged
                .entry(machine.runtime_id.clone())
                .or_insert_with(|| (instance.to_owned(), 0));
            if known.0 != instance {
                *known = (instance.to_owned(), 0);
            }
            if seq <= known.1 {
                return;
            }
            known.1 = seq;
        }
        message.truncate(message.floor_char_boundary(MAX_LINE));
        self.0
            .log_lines
            .push(&machine.runtime_id, agent_id.as_ref(), level, message);
    }

    async fn record(&self, machine: &ConnectedMachine, report: &Report) -> Result<Verdict, CommandError> {
        let node = &self.0.node;
        if let Some(activity) = report.activity(&machine.runtime_id) {
            node.report_activity(activity).await?;
            return Ok(Verdict::Taken);
        }
        if let Report::CronPlanned { agent_id, due_at } = report {
            node.plan_cron(&machine.runtime_id, agent_id, *due_at).await?;
            return Ok(Verdict::Taken);
        }
        let task = match report {
            Report::TaskClaimed { task_id }
            | Report::ApprovalNeeded { task_id, .. }
            | Report::TaskCompleted { task_id, .. }
            | Report::TaskFailed { task_id, .. } => task_id,
            Report::CronCompleted { .. }
            | Report::AgentMessage { .. }
            | Report::AgentError { .. }
            | Report::CronPlanned { .. }
            | Report::Logged { .. } => return Ok(Verdict::Taken),
        };
        if !self.0.desk.is_its_task(machine, task).await? {
            return Err(CommandError::Unknown {
                kind: "task",
                id: TaskId::to_string(task),
            });
        }
        match report {
            Report::TaskClaimed { task_id } => {
                let claimed = node.claim_task(task_id).await?;
                return Ok(if claimed {
                    Verdict::Taken
                } else {
                    Verdict::Declined {
                        over: !node.is_open(task_id).await?,
                    }
                });
            }
            Report::ApprovalNeeded {
                task_id,
                rule,
                reason,
            } => node.request_approval(task_id, rule, reason).await?,
            Report::TaskCompleted {
                task_id,
                result,
                usage,
            } => node.complete_task(task_id, result, *usage).await?,
            Report::TaskFailed {
                task_id,
                code,
                reason,
            } => node.fail_task(task_id, code, reason).await?,
            Report::CronCompleted { .. }
            | Report::AgentMessage { .. }
            | Report::AgentError { .. }
            | Report::CronPlanned { .. }
            | Report::Logged { .. } => {}
        }
        Ok(Verdict::Taken)
    }
}

fn acknowledge(link: &Link, seq: u64, verdict: Verdict) {
    if let Err(error) = link.send(&FromServer::Ack { seq, verdict }) {
        tracing::debug!(%error, seq, "a report was not acknowledged; it will come again");
    }
}

fn verdict_of(error: &CommandError) -> Verdict {
    match error {
        CommandError::Unknown { .. }
        | CommandError::Refused {
            kind: RefusalKind::NotFound,
            ..
        } => Verdict::Declined { over: true },
        CommandError::Refused {
            kind: RefusalKind::Conflict,
            ..
        } => Verdict::Declined { over: false },
        CommandError::Refused { .. }
        | CommandError::Foreign { .. }
        | CommandError::Malformed { .. }
        | CommandError::NoSuchCommand(_)
        | CommandError::PreconditionFailed { .. }
        | CommandError::KeyReused
        | CommandError::KeyInFlight
        | CommandError::Contention(_)
        | CommandError::Unavailable { .. }
        | CommandError::Corrupt(_) => Verdict::Refused {
            reason: error.to_string(),
        },
    }
}
