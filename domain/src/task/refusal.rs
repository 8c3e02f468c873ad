//! Why a task says no.

use super::{Resolution, TaskStatus};
use crate::{Refusal, RefusalKind};

/// Why a task says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskRefusal {
    /// No such task.
    #[error("there is no such task")]
    TaskNotFound,
    /// The id is taken.
    #[error("a task of that id was submitted before")]
    TaskAlreadySubmitted,
    /// 1 to 10,000 characters.
    #[error("a description has 1 to 10,000 characters and is not only blanks")]
    DescriptionInvalid,
    /// No approval was asked for.
    #[error("the task is not awaiting approval")]
    NotAwaitingApproval,
    /// Somebody was first.
    #[error("the approval was already resolved: {}", how.name())]
    ApprovalAlreadyResolved {
        /// What became of it.
        how: Resolution,
    },
    /// It came too late.
    #[error("the approval has expired")]
    ApprovalExpired,
    /// It is over.
    #[error("the task has already ended: {}", status.name())]
    TaskAlreadyEnded {
        /// How it ended.
        status: TaskStatus,
    },
    /// Nobody took it up.
    #[error("the task is not running")]
    TaskNotRunning,
}

impl Refusal for TaskRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::TaskNotFound => "task_not_found",
            Self::TaskAlreadySubmitted => "task_already_submitted",
            Self::DescriptionInvalid => "description_invalid",
            Self::NotAwaitingApproval => "task_not_awaiting_approval",
            Self::ApprovalAlreadyResolved { .. } => "approval_already_resolved",
            Self::ApprovalExpired => "approval_expired",
            Self::TaskAlreadyEnded { .. } => "task_already_ended",
            Self::TaskNotRunning => "task_not_running",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::TaskNotFound => RefusalKind::NotFound,
            Self::DescriptionInvalid => RefusalKind::Invalid,
            Self::TaskAlreadySubmitted
            | Self::NotAwaitingApproval
            | Self::ApprovalAlreadyResolved { .. }
            | Self::ApprovalExpired
            | Self::TaskAlreadyEnded { .. }
            | Self::TaskNotRunning => RefusalKind::Conflict,
        }
    }
}
