//! From the command layer's errors to problems. Exhaustive: a new error needs a decision here.

use axum::http::StatusCode;
use reef_commands::{CommandError, ports::LogError};
use reef_domain::RefusalKind;

use super::{Cause, Problem};

/// Seconds after which trying again makes sense.
const SOON: u64 = 1;
const LATER: u64 = 5;

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let code = error.code();
        let detail = error.to_string();
        match error {
            CommandError::Refused { code, kind, message } => refused(code, kind, message),
            CommandError::Unknown { kind, id } => not_found(kind, &id),
            CommandError::Foreign { kind, id } => foreign(kind, &id),
            CommandError::Malformed { field, message } => malformed(&field, message),
            CommandError::NoSuchCommand(_)
            | CommandError::PreconditionFailed { .. }
            | CommandError::KeyReused => Self::of(code, detail),
            CommandError::KeyInFlight | CommandError::Contention(_) => {
                Self::of(code, detail).retry_after(SOON)
            }
            CommandError::Unavailable { reason, unknown } => {
                tracing::warn!(%reason, unknown, "unavailable");
                Self::of(code, outcome(unknown)).retry_after(LATER)
            }
            CommandError::Corrupt(reason) => {
                tracing::error!(%reason, "stored data cannot be read");
                Self::of(
                    code,
                    "Something stored cannot be read. The server's log tells more.",
                )
            }
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        CommandError::from(error).into()
    }
}

/// The body is not what it should be, there.
pub(crate) fn malformed(field: &str, message: impl Into<String>) -> Problem {
    // Where the text breaks off, the reader cannot say in which field.
    Problem::of("invalid_command", message).at(if field == "?" { "." } else { field })
}

/// There is no such thing, for this caller.
pub(crate) fn not_found(kind: &str, id: &str) -> Problem {
    let mut problem = Problem::of(
        "not_found",
        format!("There is no {} {id}.", kind.replace('_', " ")),
    );
    problem.subject = Some(Box::new((kind.to_owned(), id.to_owned())));
    problem
}

/// It is another account's: the native API says the same as if there were none, some dialects do not.
pub(crate) fn foreign(kind: &str, id: &str) -> Problem {
    let mut problem = not_found(kind, id);
    problem.cause = Cause::Foreign;
    problem
}

fn outcome(unknown: bool) -> &'static str {
    if unknown {
        "The database did not confirm. The outcome is unknown: repeat the request with the same \
         Idempotency-Key to learn it."
    } else {
        "The database does not answer. Nothing was stored."
    }
}

fn refused(code: &'static str, kind: RefusalKind, message: String) -> Problem {
    let problem = Problem::refused(code, kind, message);
    if kind == RefusalKind::NotReady {
        problem.retry_after(LATER)
    } else {
        problem
    }
}

/// Status of a refusal in the native API.
pub(super) fn status_of(kind: RefusalKind) -> StatusCode {
    match kind {
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalKind::Conflict | RefusalKind::LimitReached => StatusCode::CONFLICT,
        RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        RefusalKind::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
        RefusalKind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    }
}
