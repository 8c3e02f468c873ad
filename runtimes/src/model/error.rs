//! Why a model did not answer.

use reef_commands::ports::{DriverError, Usage};

/// Why a model did not answer. The text is for people; it never holds a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No connection, or none that is trusted.
    #[error("the model provider cannot be reached: {0}")]
    Unreachable(String),
    /// Connected, but nothing came for so many seconds.
    #[error("the model provider was silent for {0} s")]
    Silent(u64),
    /// The reply was still not whole after so many seconds.
    #[error("the model's reply was not complete after {0} s")]
    TooSlow(u64),
    /// It may answer later: 408, 429, 5xx.
    #[error("the model provider is busy (HTTP {status}): {message}")]
    Busy {
        /// HTTP status.
        status: u16,
        /// What it said.
        message: String,
        /// When it wants to be asked again, in seconds.
        retry_after_s: Option<u64>,
    },
    /// It will not answer this request: a wrong key, an unknown model, no quota.
    #[error("the model provider refused (HTTP {status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The reply began and did not end well.
    #[error("the model's reply broke off: {message}")]
    BrokenOff {
        /// What happened, or what the provider said.
        message: String,
        /// Whether asking again may help.
        transient: bool,
    },
    /// What answers there is not a model provider of that kind, or answered with nothing.
    #[error("the model provider's answer cannot be used: {0}")]
    Unusable(String),
    /// The client itself cannot be used as configured.
    #[error("the model client is not usable: {0}")]
    Misconfigured(String),
}

impl ModelError {
    /// Whether asking again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Silent(_) | Self::Busy { .. } => true,
            Self::BrokenOff { transient, .. } => *transient,
            Self::TooSlow(_) | Self::Refused { .. } | Self::Unusable(_) | Self::Misconfigured(_) => false,
        }
    }

    pub(crate) fn empty(usage: Usage) -> Self {
        Self::Unusable(format!("an empty reply ({} tokens written)", usage.output_tokens))
    }
}

impl From<ModelError> for DriverError {
    fn from(error: ModelError) -> Self {
        if error.is_transient() {
            Self::Transient(error.to_string())
        } else {
            Self::Permanent(error.to_string())
        }
    }
}
