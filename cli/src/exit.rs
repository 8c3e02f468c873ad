//! How commands end: 0 done, 1 failed, 2 wrong usage, 3 the log does not verify, 4 no server there, 5 not let in.

use std::process::ExitCode;

/// A failure with an exit code of its own.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The log, an export or a backup is not what it should be.
    Unverified(String),
    /// The server does not answer.
    Unreachable(String),
    /// A code or token does not work, and will not by trying again.
    NotAccepted(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unverified(reason) => write!(f, "does not verify: {reason}"),
            Self::Unreachable(reason) => write!(f, "no server answers at {reason}"),
            Self::NotAccepted(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code that tells this error.
pub(crate) fn code_of(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Unverified(_)) => ExitCode::from(3),
        Some(Failure::Unreachable(_)) => ExitCode::from(4),
        Some(Failure::NotAccepted(_)) => ExitCode::from(5),
        None => ExitCode::from(1),
    }
}
