//! What an agent can be seen to do.

use super::ActivityRecord;
use crate::{MessageId, event::events};

events! {
    /// What an agent can be seen to do.
    pub enum ActivityEvent {
        /// A cron job ran; its content is the result.
        CronJobCompleted = "CronJobCompleted", 1 {
            /// What every activity says.
            #[serde(flatten)]
            record: ActivityRecord,
            /// The job's name.
            job_name: String,
        },
        /// It said something, in reply or of its own accord.
        MessageSent = "AgentMessageSent", 1 {
            /// What every activity says.
            #[serde(flatten)]
            record: ActivityRecord,
            /// The message it answers.
            in_reply_to: Option<MessageId>,
        },
        /// It could not do something; its content is the text of the error.
        ErrorReported = "AgentErrorReported", 1 {
            /// What every activity says.
            #[serde(flatten)]
            record: ActivityRecord,
            /// Stable code.
            code: String,
            /// The cron job that failed, if one did.
            job_name: Option<String>,
        },
    }
}

impl ActivityEvent {
    /// What every activity says.
    pub fn record(&self) -> &ActivityRecord {
        match self {
            Self::CronJobCompleted { record, .. }
            | Self::MessageSent { record, .. }
            | Self::ErrorReported { record, .. } => record,
        }
    }

    /// The cron job it is about, where it is about one.
    pub fn job_name(&self) -> Option<&str> {
        match self {
            Self::CronJobCompleted { job_name, .. } => Some(job_name),
            Self::ErrorReported { job_name, .. } => job_name.as_deref(),
            Self::MessageSent { .. } => None,
        }
    }
}
