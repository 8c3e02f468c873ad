//! Reports about tasks to the log, which may be busy, or no longer interested.

use std::time::Duration;

use futures::future::BoxFuture;
use reef_commands::{CommandError, ports::DriverError};
use reef_domain::RefusalKind;

/// A report that the log could not take is tried so often; the work need not be done again for it.
const REPORTS: u32 = 4;

/// Reports, again if the log cannot take it just now. `None`: the task is no longer ours to report on.
pub(crate) async fn report<'a, T>(
    call: impl Fn() -> BoxFuture<'a, Result<T, CommandError>> + Send,
) -> Result<Option<T>, DriverError> {
    let mut pause = Duration::from_millis(100);
    for _ in 1..REPORTS {
        match reported(call().await) {
            Err(DriverError::Transient(_)) => tokio::time::sleep(pause).await,
            settled @ (Ok(_) | Err(DriverError::Permanent(_))) => return settled,
        }
        pause *= 3;
    }
    reported(call().await)
}

/// What the log's answer to a report means for the work.
pub(crate) fn reported<T>(answer: Result<T, CommandError>) -> Result<Option<T>, DriverError> {
    let error = match answer {
        Ok(value) => return Ok(Some(value)),
        Err(error) => error,
    };
    if error.is_transient() {
        return Err(DriverError::Transient(error.to_string()));
    }
    match &error {
        CommandError::Unknown { .. }
        | CommandError::Refused {
            kind: RefusalKind::NotFound | RefusalKind::Conflict,
            ..
        } => Ok(None),
        CommandError::Refused { .. }
        | CommandError::Foreign { .. }
        | CommandError::Malformed { .. }
        | CommandError::NoSuchCommand(_)
        | CommandError::PreconditionFailed { .. }
        | CommandError::KeyReused
        | CommandError::KeyInFlight
        | CommandError::Contention(_)
        | CommandError::Unavailable { .. }
        | CommandError::Corrupt(_) => Err(DriverError::Permanent(error.to_string())),
    }
}
