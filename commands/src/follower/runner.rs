//! Runs one process manager over the log.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use reef_domain::Envelope;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    Cause, EffectError, Intent, ProcessManager,
    queue::{KeyQueues, Progress},
};
use crate::ports::{Checkpoints, EventLog, EventQuery, Lease, LogError, Parked};

/// How a follower behaves.
#[derive(Debug, Clone)]
pub struct FollowerConfig {
    /// How long a lease is good without renewal: how long another node waits for a dead one.
    pub lease_ttl: Duration,
    /// Intents performed side by side.
    pub concurrency: usize,
    /// Events with unfinished intents before reading stops.
    pub max_in_flight: usize,
    /// Tries of one intent before it is parked.
    pub max_attempts: u32,
    /// Wait after the first failure; doubled after each, up to `max_backoff`.
    pub backoff: Duration,
    /// Longest wait between two tries.
    pub max_backoff: Duration,
}

impl Default for FollowerConfig {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(15),
            concurrency: 64,
            max_in_flight: 4096,
            max_attempts: 8,
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
        }
    }
}

/// How many parked intents of a key were performed, and what stopped the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// Performed and taken out of the parking.
    pub done: u32,
    /// The error of the first that failed again; it and those behind it stay parked.
    pub stopped_by: Option<String>,
}

/// Runs a process manager.
pub struct Follower<M: ProcessManager> {
    manager: Arc<M>,
    log: Arc<dyn EventLog>,
    checkpoints: Arc<dyn Checkpoints>,
    holder: String,
    config: FollowerConfig,
}

struct Job<A> {
    envelope: Arc<Envelope>,
    intent: Intent<A>,
}

struct Finished {
    key: String,
    position: u64,
    parked: Option<Parked>,
}

impl<M: ProcessManager> Follower<M> {
    /// A follower; `holder` names this process among the nodes.
    pub fn new(
        manager: Arc<M>,
        log: Arc<dyn EventLog>,
        checkpoints: Arc<dyn Checkpoints>,
        holder: impl Into<String>,
        config: FollowerConfig,
    ) -> Self {
        Self {
            manager,
            log,
            checkpoints,
            holder: holder.into(),
            config,
        }
    }

    /// Follows until cancelled. Errors of the database are waited out.
    pub async fn run(&self, cancel: CancellationToken) {
        let name = self.manager.name();
        let active = metrics::gauge!("reef_follower_active", "manager" => name);
        active.set(0.0);
        while !cancel.is_cancelled() {
            match self
                .checkpoints
                .acquire(name, &self.holder, self.config.lease_ttl)
                .await
            {
                Ok(Some(lease)) => {
                    active.set(1.0);
                    match self.follow(&lease, &cancel).await {
                        Ok(()) | Err(LogError::Fenced) => {}
                        Err(error) => tracing::warn!(manager = name, %error, "follower starts over"),
                    }
                    active.set(0.0);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(manager = name, %error, "no lease"),
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(self.config.lease_ttl / 10) => {}
            }
        }
    }

    async fn follow(&self, lease: &Lease, cancel: &CancellationToken) -> Result<(), LogError> {
        let mut run = Run {
            progress: Progress::starting_at(self.checkpoints.checkpoint(&lease.name).await?),
            queues: KeyQueues::default(),
            parked_keys: self.parked_keys().await?,
            tasks: JoinSet::new(),
            permits: Arc::new(Semaphore::new(self.config.concurrency)),
            saved: 0,
        };
        let mut head = self.log.watch();
        let mut renew = tokio::time::interval_at(Instant::now(), self.config.lease_ttl / 3);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut save = tokio::time::interval(Duration::from_millis(200));
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let behind = *head.borrow_and_update() > run.progress.cursor();
            let room = run.progress.in_flight() < self.config.max_in_flight;
            if behind && room {
                self.read(&mut run, lease).await?;
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                _ = renew.tick() => self.renew(lease).await?,
                _ = save.tick() => self.save(&mut run, lease).await?,
                Some(finished) = run.tasks.join_next() => self.settle(&mut run, lease, finished).await?,
                changed = head.changed(), if room => if changed.is_err() { break },
                () = std::future::ready(()), if behind && room => {}
            }
        }
        // What is being performed may finish: aborting would only make it run twice.
        let drain = async {
            while let Some(finished) = run.tasks.join_next().await {
                self.settle_last(&mut run, lease, finished).await?;
            }
            Ok::<(), LogError>(())
        };
        if let Ok(drained) = tokio::time::timeout(Duration::from_secs(5), drain).await {
            drained?;
        }
        run.tasks.abort_all();
        self.save(&mut run, lease).await?;
        self.checkpoints.release(lease).await
    }

    async fn read(&self, run: &mut Run<M::Action>, lease: &Lease) -> Result<(), LogError> {
        let query = EventQuery {
            after: run.progress.cursor(),
            limit: 512,
            ..EventQuery::default()
        };
        for envelope in self.log.read(&query).await? {
            let intents = self.manager.react(&envelope);
            run.progress.read(envelope.position, intents.len());
            for intent in intents {
                let job = Job {
                    envelope: Arc::clone(&envelope),
                    intent,
                };
                let key = job.intent.key.clone();
                if run.parked_keys.contains(&key) && self.is_parked(run, &key).await? {
                    let parked = self.parked(&job, 0, "waits behind a parked intent of the same key");
                    self.checkpoints.park(lease, &parked).await?;
                    run.progress.finished(job.envelope.position);
                } else if let Some(job) = run.queues.admit(&key, job) {
                    self.spawn(run, job);
                }
            }
        }
        Ok(())
    }

    fn spawn(&self, run: &mut Run<M::Action>, job: Job<M::Action>) {
        let manager = Arc::clone(&self.manager);
        let config = self.config.clone();
        let permits = Arc::clone(&run.permits);
        run.tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            perform(&*manager, &config, job).await
        });
    }

    async fn settle(
        &self,
        run: &mut Run<M::Action>,
        lease: &Lease,
        finished: Result<Finished, tokio::task::JoinError>,
    ) -> Result<(), LogError> {
        let key = self.settle_last(run, lease, finished).await?;
        while let Some(job) = run.queues.next(&key) {
            if !run.parked_keys.contains(&key) {
                self.spawn(run, job);
                return Ok(());
            }
            let parked = self.parked(&job, 0, "waits behind a parked intent of the same key");
            self.checkpoints.park(lease, &parked).await?;
            run.progress.finished(job.envelope.position);
        }
        Ok(())
    }

    async fn settle_last(
        &self,
        run: &mut Run<M::Action>,
        lease: &Lease,
        finished: Result<Finished, tokio::task::JoinError>,
    ) -> Result<String, LogError> {
        let finished = finished.map_err(|error| LogError::Corrupt(format!("an effect panicked: {error}")))?;
        if let Some(parked) = &finished.parked {
            tracing::error!(manager = %parked.manager, key = %parked.key, position = parked.position,
                error = %parked.error, "intent parked");
            self.checkpoints.park(lease, parked).await?;
            run.parked_keys.insert(finished.key.clone());
        }
        run.progress.finished(finished.position);
        Ok(finished.key)
    }

    async fn renew(&self, lease: &Lease) -> Result<(), LogError> {
        let renewed = self
            .checkpoints
            .acquire(&lease.name, &self.holder, self.config.lease_ttl)
            .await?;
        if renewed.is_some_and(|renewed| renewed.fence == lease.fence) {
            Ok(())
        } else {
            Err(LogError::Fenced)
        }
    }

    async fn save(&self, run: &mut Run<M::Action>, lease: &Lease) -> Result<(), LogError> {
        let checkpoint = run.progress.checkpoint();
        if checkpoint > run.saved {
            self.checkpoints.advance(lease, checkpoint).await?;
            run.saved = checkpoint;
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!("reef_follower_position", "manager" => self.manager.name())
                .set(checkpoint as f64);
        }
        Ok(())
    }

    async fn parked_keys(&self) -> Result<HashSet<String>, LogError> {
        let parked = self.checkpoints.parked(Some(self.manager.name())).await?;
        Ok(parked.into_iter().map(|parked| parked.key).collect())
    }

    /// Asks again: the operator may have cleared the key.
    async fn is_parked(&self, run: &mut Run<M::Action>, key: &str) -> Result<bool, LogError> {
        run.parked_keys = self.parked_keys().await?;
        Ok(run.parked_keys.contains(key))
    }

    fn parked(&self, job: &Job<M::Action>, attempts: u32, error: &str) -> Parked {
        parked(self.manager.name(), job, attempts, error)
    }

    /// Performs the parked intents of a key again, in order, until one fails.
    pub async fn retry_parked(&self, key: &str) -> Result<Retried, LogError> {
        let mut retried = Retried {
            done: 0,
            stopped_by: None,
        };
        for parked in self.checkpoints.parked(Some(self.manager.name())).await? {
            if parked.key != key {
                continue;
            }
            let query = EventQuery {
                after: parked.position - 1,
                limit: 1,
                ..EventQuery::default()
            };
            for envelope in self.log.read(&query).await? {
                let intents = self.manager.react(&envelope);
                let Some(intent) = intents.into_iter().find(|intent| intent.step == parked.step) else {
                    continue;
                };
                let cause = Cause {
                    manager: self.manager.name(),
                    envelope,
                    step: intent.step,
                };
                if let Err(error) = self.manager.perform(&intent.action, &cause).await {
                    retried.stopped_by = Some(error.to_string());
                    return Ok(retried);
                }
            }
            self.checkpoints
                .unpark(&parked.manager, &parked.key, parked.position, &parked.step)
                .await?;
            retried.done += 1;
        }
        Ok(retried)
    }
}

struct Run<A> {
    progress: Progress,
    queues: KeyQueues<Job<A>>,
    parked_keys: HashSet<String>,
    tasks: JoinSet<Finished>,
    permits: Arc<Semaphore>,
    saved: u64,
}

fn parked<A>(manager: &str, job: &Job<A>, attempts: u32, error: &str) -> Parked {
    Parked {
        manager: manager.to_owned(),
        key: job.intent.key.clone(),
        position: job.envelope.position,
        step: job.intent.step.to_owned(),
        error: error.to_owned(),
        attempts,
        parked_at: job.envelope.recorded_at,
    }
}

async fn perform<M: ProcessManager>(manager: &M, config: &FollowerConfig, job: Job<M::Action>) -> Finished {
    let cause = Cause {
        manager: manager.name(),
        envelope: Arc::clone(&job.envelope),
        step: job.intent.step,
    };
    let mut wait = config.backoff;
    let mut attempts = 0;
    let parked = loop {
        attempts += 1;
        // A panic is a bug of the effect: it must cost that effect, not the follower.
        let performed = AssertUnwindSafe(manager.perform(&job.intent.action, &cause))
            .catch_unwind()
            .await;
        match performed.unwrap_or_else(|_| Err(EffectError::Permanent("the effect panicked".to_owned()))) {
            Ok(()) => break None,
            Err(EffectError::Transient(reason)) if attempts < config.max_attempts => {
                tracing::info!(manager = manager.name(), key = %job.intent.key, attempts, %reason, "trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(config.max_backoff);
            }
            Err(error) => break Some(parked(manager.name(), &job, attempts, &error.to_string())),
        }
    };
    Finished {
        key: job.intent.key,
        position: job.envelope.position,
        parked,
    }
}
