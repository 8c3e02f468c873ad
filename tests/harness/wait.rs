//! Waiting for something to become true, with a deadline and never longer than needed.

use std::time::{Duration, Instant};

/// For what should happen at once: generous, because two cores may serve many tests.
pub(crate) const SHORT: Duration = Duration::from_secs(20);
/// For what takes several steps of process managers, or a lease to run out.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// Asks again and again until there is an answer; panics with `what` at the deadline.
pub(crate) async fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < deadline, "not within {deadline:?}: {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}
