//! Why a command was not carried out.

use reef_domain::{Refusal, RefusalKind};

use crate::ports::{DriverError, LogError, VaultError};

/// Why a command was not carried out. Dialects map it to a status and their own envelope.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// An aggregate, or a rule over several, said no.
    #[error("{message}")]
    Refused {
        /// Stable code, `snake_case`.
        code: &'static str,
        /// Sort of refusal.
        kind: RefusalKind,
        /// For people; holds no secret.
        message: String,
    },
    /// There is no such thing, or it was removed.
    #[error("{kind} {id} not found")]
    Unknown {
        /// Aggregate type.
        kind: &'static str,
        /// The id asked for.
        id: String,
    },
    /// It exists, but belongs to another account. Most dialects answer as for [`CommandError::Unknown`].
    #[error("{kind} {id} belongs to another account")]
    Foreign {
        /// Aggregate type.
        kind: &'static str,
        /// The id asked for.
        id: String,
    },
    /// The body is not a command of that name.
    #[error("{field}: {message}")]
    Malformed {
        /// Where in the body; `.` for the whole.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// No command has that name.
    #[error("there is no command {0}")]
    NoSuchCommand(String),
    /// `If-Match` named another sequence than the aggregate has.
    #[error("the aggregate is at sequence {actual}, not {expected}")]
    PreconditionFailed {
        /// Sequence the caller expected.
        expected: u64,
        /// Sequence it has.
        actual: u64,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request with that idempotency key is still running.
    #[error("a request with that idempotency key is still running")]
    KeyInFlight,
    /// Others kept changing the same aggregates; nothing was stored.
    #[error("too much contention on {0}; try again")]
    Contention(String),
    /// The database or a service outside does not answer.
    #[error("{reason}")]
    Unavailable {
        /// What is missing.
        reason: String,
        /// Whether the command may have been carried out all the same.
        unknown: bool,
    },
    /// Something stored cannot be read.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

impl CommandError {
    /// A refusal by a rule that is no aggregate's own.
    pub fn refused(code: &'static str, kind: RefusalKind, message: impl Into<String>) -> Self {
        Self::Refused {
            code,
            kind,
            message: message.into(),
        }
    }

    /// An unacceptable field.
    pub fn malformed(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Malformed {
            field: field.into(),
            message: message.into(),
        }
    }

    /// Stable machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unknown { .. } | Self::Foreign { .. } => "not_found",
            Self::Malformed { .. } => "invalid_command",
            Self::NoSuchCommand(_) => "unknown_command",
            Self::PreconditionFailed { .. } => "precondition_failed",
            Self::KeyReused => "idempotency_key_reused",
            Self::KeyInFlight => "idempotency_key_in_flight",
            Self::Contention(_) => "contention",
            Self::Unavailable { .. } => "unavailable",
            Self::Corrupt(_) => "corrupt",
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Contention(_) | Self::Unavailable { .. } | Self::KeyInFlight => true,
            Self::Refused { kind, .. } => *kind == RefusalKind::NotReady,
            Self::Unknown { .. }
            | Self::Foreign { .. }
            | Self::Malformed { .. }
            | Self::NoSuchCommand(_)
            | Self::PreconditionFailed { .. }
            | Self::KeyReused
            | Self::Corrupt(_) => false,
        }
    }
}

impl<R: Refusal> From<R> for CommandError {
    fn from(refusal: R) -> Self {
        Self::Refused {
            code: refusal.code(),
            kind: refusal.kind(),
            message: refusal.to_string(),
        }
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Conflict(stream) => Self::Contention(stream),
            LogError::AlreadyDone => Self::KeyInFlight,
            LogError::Unavailable { reason, unknown } => Self::Unavailable { reason, unknown },
            LogError::Corrupt(reason) => Self::Corrupt(reason),
            LogError::Fenced => Self::Unavailable {
                reason: "lease lost".to_owned(),
                unknown: false,
            },
        }
    }
}

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Destroyed => Self::refused(
                "content_destroyed",
                RefusalKind::NotFound,
                "the content was deleted for good",
            ),
            VaultError::Absent | VaultError::Unopenable => Self::Corrupt(error.to_string()),
            VaultError::Unavailable(reason) => Self::Unavailable {
                reason,
                unknown: false,
            },
        }
    }
}

impl From<DriverError> for CommandError {
    fn from(error: DriverError) -> Self {
        Self::refused("runtime_unavailable", RefusalKind::NotReady, error.to_string())
    }
}
