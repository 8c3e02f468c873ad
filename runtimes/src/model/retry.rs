//! Asking again, a few times, when a provider could not answer just now.

use std::{future::Future, time::Duration};

use super::ModelError;

const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A provider that wants more time than this is not waited for: whoever asked should hear of it.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Runs `ask` until it succeeds, fails for good, or has failed three times. The pause doubles, and is as long
/// as the provider asked for where it did.
pub(crate) async fn patiently<T, F, Fut>(mut ask: F) -> Result<T, ModelError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, ModelError>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        let error = match ask().await {
            Err(error) if error.is_transient() => error,
            settled => return settled,
        };
        let wanted = wish(&error).unwrap_or(pause);
        if wanted > LONGEST_PAUSE {
            return Err(error);
        }
        tracing::debug!(%error, pause_ms = wanted.as_millis(), "asking the model again");
        tokio::time::sleep(wanted).await;
        pause *= 2;
    }
    ask().await
}

fn wish(error: &ModelError) -> Option<Duration> {
    match error {
        ModelError::Busy { retry_after_s, .. } => retry_after_s.map(Duration::from_secs),
        ModelError::Unreachable(_)
        | ModelError::Silent(_)
        | ModelError::TooSlow(_)
        | ModelError::Refused { .. }
        | ModelError::BrokenOff { .. }
        | ModelError::Unusable(_)
        | ModelError::Misconfigured(_) => None,
    }
}
