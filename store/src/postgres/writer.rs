//! The task that writes: drains its queue and commits what it found.

use std::{sync::Arc, time::Duration};

use reef_commands::ports::LogError;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use super::{
    PgDb,
    commit::{Failure, Swap, locked, optimistic, resolve},
    lookup::{read_head, read_registry},
};
use crate::{
    fold::Change,
    gather::{Gather, top_up},
    memory::{HeadState, Memory},
    plan::{Entry, Plan, fail_all},
    shared::Shared,
    sql::DbError,
};

/// Appends waiting for their turn.
const QUEUE: usize = 4096;
/// At most so many in one transaction.
const MAX_BATCH: usize = 1024;
/// After another node was seen writing, so many batches take the lock at once instead of trying without.
const CAUTION: u32 = 16;
/// How long finding out what became of a commit may take.
const SETTLE: Duration = Duration::from_secs(5);
/// Appends wait for an attempt to connect that is this near; else they fail at once.
const SHORT: Duration = Duration::from_millis(250);
/// Longest pause between two attempts to connect.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// The way to the writer's task.
pub(crate) struct WriterHandle {
    queue: mpsc::Sender<Entry>,
}

struct Writer {
    db: PgDb,
    conn: Option<PgConnection>,
    memory: Memory,
    shared: Arc<Shared>,
    /// Tells the tail that the ring has a gap.
    behind: Arc<Notify>,
    caution: u32,
    retry_at: Instant,
    /// Before the next attempt to connect, should the present one fail.
    pause: Duration,
}

impl WriterHandle {
    /// Starts the writer's task.
    pub(crate) fn start(db: PgDb, head: HeadState, shared: Arc<Shared>, behind: Arc<Notify>) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let writer = Writer {
            db,
            conn: None,
            memory: Memory::new(head),
            shared,
            behind,
            caution: 0,
            retry_at: Instant::now(),
            pause: Duration::ZERO,
        };
        tokio::spawn(writer.work(receiver));
        Self { queue }
    }

    pub(crate) async fn send(&self, entry: Entry) -> Result<(), DbError> {
        self.queue
            .send(entry)
            .await
            .map_err(|_| DbError::Gone("the writer has stopped".to_owned()))
    }
}

fn unavailable(reason: String) -> LogError {
    LogError::Unavailable {
        reason,
        unknown: false,
    }
}

impl Writer {
    async fn work(mut self, mut queue: mpsc::Receiver<Entry>) {
        let mut batch = Vec::new();
        let mut gather = Gather::default();
        while queue.recv_many(&mut batch, MAX_BATCH).await > 0 {
            let patience = gather.patience(std::time::Instant::now(), self.caution > 0);
            while !patience.is_over(batch.len() + queue.len(), std::time::Instant::now()) {
                // Lets those run who were just answered. No timer: tokio's is of milliseconds, the wait is of less.
                tokio::task::yield_now().await;
            }
            top_up(&mut batch, &mut queue, MAX_BATCH);
            let (size, started) = (batch.len(), Instant::now());
            metrics::histogram!("reef_log_batch_size")
                .record(f64::from(u32::try_from(batch.len()).unwrap_or(0)));
            self.commit(std::mem::take(&mut batch)).await;
            gather.learn(size, queue.len(), started.elapsed());
        }
        if let Some(conn) = self.conn.take() {
            drop(conn.close().await);
        }
    }

    async fn commit(&mut self, mut batch: Vec<Entry>) {
        // A connection that died while idle is noticed only now: that costs one more try, no failure.
        let mut tries = 2;
        loop {
            if let Err(error) = self.ensure_connected().await {
                fail_all(batch, &error);
                return;
            }
            let failure = match self.attempt(&mut batch).await {
                Ok((plan, changes)) => return self.publish(batch, plan, &changes),
                Err(failure) => failure,
            };
            match failure {
                Failure::Refused(error) => return self.one_by_one(batch, error).await,
                Failure::Gone(reason) => self.disconnect(&reason),
                Failure::Unknown {
                    reason,
                    plan,
                    changes,
                } => {
                    self.disconnect(&reason);
                    match self.settle(&plan, &batch).await {
                        Ok(true) => return self.publish(batch, plan, &changes),
                        Ok(false) => plan.undo(&mut batch),
                        Err(_) => {
                            fail_all(
                                batch,
                                &LogError::Unavailable {
                                    reason,
                                    unknown: true,
                                },
                            );
                            return;
                        }
                    }
                }
            }
            tries -= 1;
            if tries == 0 {
                fail_all(
                    batch,
                    &unavailable("the connection to the database was lost".to_owned()),
                );
                return;
            }
            forgive(&mut batch);
        }
    }

    /// Somebody's values are to blame: only theirs is to fail.
    async fn one_by_one(&mut self, batch: Vec<Entry>, error: LogError) {
        self.distrust();
        if batch.len() == 1 {
            tracing::error!(%error, "an append failed");
            fail_all(batch, &error);
            return;
        }
        for mut entry in batch {
            entry.failure = None;
            Box::pin(self.commit(vec![entry])).await;
        }
    }

    /// After the connection was lost in a commit: whether it happened.
    async fn settle(&mut self, plan: &Plan, batch: &[Entry]) -> Result<bool, LogError> {
        self.ensure_connected().await?;
        let Some(conn) = &mut self.conn else {
            return Err(unavailable("not connected".to_owned()));
        };
        let settled = tokio::time::timeout(SETTLE, resolve(conn, plan, batch)).await;
        // The fence moved the head.
        self.distrust();
        match settled {
            Ok(Ok(stored)) => Ok(stored),
            Ok(Err(error)) => {
                self.disconnect(&error.to_string());
                Err(error.into())
            }
            Err(_) => {
                self.disconnect("finding out took too long");
                Err(unavailable("finding out took too long".to_owned()))
            }
        }
    }

    /// Tries the batch without the lock first, unless other nodes were seen writing.
    async fn attempt(&mut self, batch: &mut [Entry]) -> Result<(Plan, Vec<Change>), Failure> {
        let Self {
            conn: Some(conn),
            memory,
            shared,
            caution,
            ..
        } = self
        else {
            return Err(Failure::Gone("not connected".to_owned()));
        };
        if *caution == 0 && shared.views.layout().ahead.is_none() {
            match optimistic(conn, batch, memory, shared).await {
                Ok(Swap::Done(plan, changes)) => return Ok((*plan, changes)),
                // A duplicate: something that was taken for new is there already.
                Ok(Swap::Lost) | Err(Failure::Refused(_)) => {
                    metrics::counter!("reef_log_swaps_lost").increment(1);
                }
                Err(lost @ (Failure::Gone(_) | Failure::Unknown { .. })) => return Err(lost),
            }
            forgive(batch);
        }
        let (plan, changes, foreign) = locked(conn, batch, memory, shared).await?;
        *caution = if foreign {
            CAUTION
        } else {
            caution.saturating_sub(1)
        };
        Ok((plan, changes))
    }

    fn publish(&mut self, batch: Vec<Entry>, plan: Plan, changes: &[Change]) {
        if !plan.is_empty() {
            // After a fence the memory is behind: the next batch reads everything anew.
            if self.memory.head.revision + 1 == plan.head.revision {
                self.memory.committed(&plan.head, &plan.sequences);
            }
            if !self.shared.publish(&plan, changes) {
                self.behind.notify_one();
            }
        }
        plan.answer(batch);
    }

    /// Nothing remembered is trusted any more: the next batch reads everything under the lock.
    fn distrust(&mut self) {
        let head = HeadState {
            revision: -1,
            layout: -1,
            ..self.memory.head.clone()
        };
        self.memory.reset(head);
        self.shared.docs.invalidate();
        self.caution = 1;
    }

    fn disconnect(&mut self, reason: &str) {
        tracing::warn!(reason, "the writer lost its connection to the database");
        self.conn = None;
        self.distrust();
        self.retry_at = Instant::now();
        self.pause = Duration::from_millis(50);
    }

    /// Connects if there is no connection, at most once per pause.
    async fn ensure_connected(&mut self) -> Result<(), LogError> {
        if self.conn.is_some() {
            return Ok(());
        }
        if self.retry_at > Instant::now() + SHORT {
            return Err(unavailable("the database does not answer".to_owned()));
        }
        // A short interruption costs time, not an error.
        tokio::time::sleep_until(self.retry_at).await;
        match self.connect().await {
            Ok(conn) => {
                self.conn = Some(conn);
                self.pause = Duration::ZERO;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "the writer cannot connect to the database");
                self.pause = (self.pause * 2).clamp(Duration::from_millis(50), MAX_PAUSE);
                self.retry_at = Instant::now() + self.pause;
                Err(error)
            }
        }
    }

    async fn connect(&mut self) -> Result<PgConnection, LogError> {
        let mut conn = self.db.dedicated().await?;
        // An acknowledged append must be durable whatever the server's default; plans for arrays of any
        // length are the same.
        conn.execute(
            "SET plan_cache_mode = force_generic_plan; SET jit = off; \
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        )
        .await
        .map_err(|error| LogError::from(DbError::from(error)))?;
        let head = read_head(&mut conn, false).await?;
        self.shared
            .views
            .set_layout(read_registry(&mut conn, &self.shared.views, head.layout).await?);
        self.shared.docs.invalidate();
        self.memory.reset(head);
        Ok(conn)
    }
}

/// Verdicts that rested on a stale memory are taken back.
fn forgive(batch: &mut [Entry]) {
    for entry in batch {
        entry.failure = None;
    }
}
