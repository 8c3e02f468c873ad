//! What one round measured. Also compiled into the baselines, which print it as JSON.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// One round of one contender.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Operations acknowledged.
    pub(crate) operations: u64,
    /// From the first operation's start to the last one's end.
    pub(crate) seconds: f64,
    /// Operations per second.
    pub(crate) rate: f64,
    /// Median latency, microseconds.
    pub(crate) p50_us: u64,
    /// Latency that 99 of 100 operations stay under, microseconds.
    pub(crate) p99_us: u64,
    /// Longest latency, microseconds.
    pub(crate) max_us: u64,
    /// Every latency, as (microseconds to two digits, how many).
    #[serde(default)]
    pub(crate) latencies_us: Vec<(u64, u64)>,
}

/// Latencies of one writer, or of several added up.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(Histogram::new(2).expect("two digits are a precision the histogram has"))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        // Longer than an hour is not a latency any more.
        let us = u64::try_from(latency.as_micros())
            .unwrap_or(u64::MAX)
            .min(3_600_000_000);
        self.0
            .record(us)
            .expect("an auto-resizing histogram takes any value");
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0
            .add(&other.0)
            .expect("an auto-resizing histogram takes any value");
    }

    pub(crate) fn over(&self, elapsed: Duration) -> Sample {
        let seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
        let rate = self.0.len() as f64 / seconds;
        Sample {
            operations: self.0.len(),
            seconds,
            rate,
            p50_us: self.0.value_at_quantile(0.5),
            p99_us: self.0.value_at_quantile(0.99),
            max_us: self.0.max(),
            latencies_us: self
                .0
                .iter_recorded()
                .map(|at| (at.value_iterated_to(), at.count_at_value()))
                .collect(),
        }
    }
}
