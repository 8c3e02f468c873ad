//! Taking on a task: claimed, and judged by the agent's policy before anything is done. The same for every driver
//! that works on tasks itself.

use reef_commands::{
    ports::{DriverError, LogLevel, NodeEvents, TaskAssignment},
    task::DENIED_BY_POLICY,
};

use crate::{
    judge::{Judgement, judge},
    reports::{report, reported},
};

/// Claims the task and judges it, by its agent's policy or by `bundles`. `false`: it is not to be worked on now,
/// and what became of it is reported. `tell` logs a line about it.
pub(crate) async fn admitted(
    node: &dyn NodeEvents,
    task: &TaskAssignment,
    bundles: &[String],
    tell: impl Fn(LogLevel, &str) + Send + Sync,
) -> Result<bool, DriverError> {
    let id = &task.task_id;
    if reported(node.claim_task(id).await)? != Some(true) {
        return Ok(false);
    }
    match judge(task.bundle.policy_rules.as_deref(), bundles, &task.description) {
        Judgement::Denied { reason } => {
            tell(LogLevel::Warn, &format!("denied: {reason}"));
            give_up(node, task, DENIED_BY_POLICY, &reason).await?;
            Ok(false)
        }
        Judgement::NeedsConfirmation { rule, reason } if !task.approved => {
            tell(LogLevel::Info, &format!("waits for a person: {reason}"));
            report(|| node.request_approval(id, &rule, &reason)).await?;
            Ok(false)
        }
        Judgement::NeedsConfirmation { .. } | Judgement::Allowed => Ok(true),
    }
}

/// Reports that the task cannot be done.
pub(crate) async fn give_up(
    node: &dyn NodeEvents,
    task: &TaskAssignment,
    code: &str,
    reason: &str,
) -> Result<(), DriverError> {
    report(|| node.fail_task(&task.task_id, code, reason))
        .await
        .map(drop)
}
