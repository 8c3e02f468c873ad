//! Closed loop: so many writers, each with one operation under way. Also compiled into the baselines.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::sample::{Latencies, Sample};

/// One operation of one writer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// Which writer, from 0.
    pub(crate) writer: usize,
    /// How many operations that writer has done before.
    pub(crate) number: usize,
}

impl Turn {
    /// Which of `total` things this turn is about: no two writers ever share one.
    pub(crate) fn own(self, writers: usize, total: usize) -> usize {
        self.writer + writers * (self.number % (total / writers).max(1))
    }
}

/// Runs the operation in `writers` tasks for `length`; the first failure ends it.
pub(crate) async fn closed_loop<F, Fut>(writers: usize, length: Duration, operation: F) -> Result<Sample>
where
    F: Fn(Turn) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let operation = Arc::new(operation);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let operation = Arc::clone(&operation);
        tasks.spawn(async move {
            let mut latencies = Latencies::new();
            let mut number = 0;
            while started.elapsed() < length {
                let asked = Instant::now();
                operation(Turn { writer, number }).await?;
                latencies.record(asked.elapsed());
                number += 1;
            }
            anyhow::Ok(latencies)
        });
    }
    let mut all = Latencies::new();
    while let Some(done) = tasks.join_next().await {
        all.add(&done??);
    }
    Ok(all.over(started.elapsed()))
}
