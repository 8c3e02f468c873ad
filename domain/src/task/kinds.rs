//! The small words of a task.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An approval that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When it can no longer be given.
    pub expires_at: DateTime<Utc>,
    /// What became of it; `None`: a person has still to decide.
    pub resolution: Option<Resolution>,
}

/// What became of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// A person said yes.
    Approved,
    /// A person said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// The task ended meanwhile.
    Withdrawn,
}

impl Resolution {
    /// The resolution as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Where a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Nobody works on it yet.
    #[default]
    Pending,
    /// The agent works on it.
    Running,
    /// A person has to confirm it.
    AwaitingApproval,
    /// Done.
    Completed,
    /// A person said no.
    Rejected,
    /// It cannot be done.
    Failed,
}

impl TaskStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::AwaitingApproval,
        Self::Completed,
        Self::Rejected,
        Self::Failed,
    ];

    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Whether the task will never change again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::AwaitingApproval => false,
            Self::Completed | Self::Rejected | Self::Failed => true,
        }
    }
}
