//! Deliveries of webhooks: the dispatcher that never loses one.
//!
//! One dispatcher is active over all nodes, under a fenced lease. It reads the log once, hands what matches to one
//! lane for each webhook, and keeps where each is. A lane that cannot keep up is left behind and reads the
//! log by itself later, so that what is in memory is bounded and sick endpoints do not slow healthy ones.
//!
//! At least once: where a lane is, is kept after its deliveries are done or have a retry, never before. A repeat has
//! the same id. Bodies are made from the log at every try.

mod book;
mod compose;
mod dispatcher;
mod fan_out;
mod keeper;
mod lane;
mod pages;
mod schedule;
mod track;

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::TimeDelta;

pub use dispatcher::{DispatchParts, Dispatcher};

/// Actor of the dispatcher in events.
pub const NAME: &str = "webhooks";

/// How the dispatcher behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct DispatchConfig {
    /// How long a lease is good without renewal: how long another node waits for a dead one.
    pub lease_ttl: Duration,
    /// Deliveries to one webhook under way at a time.
    pub concurrency: usize,
    /// Deliveries to one webhook in a second; 0: no limit.
    pub rate_per_s: u32,
    /// Events waiting in memory for one webhook; beyond, it reads the log by itself.
    pub queue: usize,
    /// Deliveries of one webhook that wait to be tried again; beyond, new ones wait in the log.
    pub max_retries: usize,
    /// Failures in a row after which a webhook is in trouble.
    pub trouble_after: u32,
    /// Every wait of the schedule is multiplied by this; for tests.
    pub time_factor: f64,
    /// Longest wait that a receiver's `Retry-After` gets.
    pub max_retry_after: TimeDelta,
    /// A webhook to which nothing got through for so long is disabled.
    pub disable_after: TimeDelta,
    /// How often is kept where deliveries are.
    pub save_every: Duration,
    /// Tries kept of each webhook.
    pub keep_attempts: u64,
    /// How long tries are kept.
    pub keep_attempts_for: TimeDelta,
    /// How long deliveries under way may take to finish at the end.
    pub drain: Duration,
}

impl Default for DispatchConfig {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(15),
            concurrency: 8,
            rate_per_s: 0,
            queue: 512,
            max_retries: 100,
            trouble_after: 5,
            time_factor: 1.0,
            max_retry_after: TimeDelta::hours(1),
            disable_after: TimeDelta::days(5),
            save_every: Duration::from_millis(250),
            keep_attempts: 1000,
            keep_attempts_for: TimeDelta::days(30),
            drain: Duration::from_secs(5),
        }
    }
}
