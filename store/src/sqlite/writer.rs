//! The thread that writes: drains its queue and commits what it found in one transaction.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use reef_commands::ports::LogError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpointer::Checkpointer;
use crate::{
    error::StoreError,
    gather::{Gather, top_up},
    memory::{HeadState, Memory},
    plan::Entry,
    shared::Shared,
    sql::{DbError, Outcome, Statement},
};

/// Appends and writes waiting for their turn.
const QUEUE: usize = 4096;
/// At most so many in one transaction.
const MAX_BATCH: usize = 1024;

/// Pause between two looks at the queue while more appends are expected.
const GLANCE: Duration = Duration::from_micros(20);

/// What only the writer's thread may touch.
pub(crate) struct SqliteWriter {
    pub(crate) conn: Connection,
    pub(crate) memory: Memory,
    pub(crate) shared: Arc<Shared>,
}

/// Statements that are to be in one transaction, not about the log.
pub(crate) struct Work {
    pub(crate) statements: Vec<Statement>,
    pub(crate) reply: oneshot::Sender<Result<Vec<Outcome>, DbError>>,
}

/// What the writer is asked to do.
pub(crate) enum Job {
    Append(Box<Entry>),
    Write(Work),
    /// Has the writer to itself, between two transactions.
    Run(Box<dyn FnOnce(&mut SqliteWriter) + Send>),
}

/// The way to the writer's thread. Dropping it lets the thread finish what is queued and waits for it.
pub(crate) struct WriterHandle {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Takes the file's lock: one server per file.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(path.display().to_string())),
        Err(std::fs::TryLockError::Error(error)) => Err(StoreError::Io(error)),
    }
}

/// A connection with the right to write.
pub(crate) struct Claimed {
    pub(crate) conn: Connection,
    path: PathBuf,
    lock: File,
}

/// Opens the file for writing, unless another process has it.
pub(crate) fn claim(path: &Path) -> Result<Claimed, StoreError> {
    let lock = lock(path)?;
    Ok(Claimed {
        conn: super::open_writer(path)?,
        path: path.to_owned(),
        lock,
    })
}

impl WriterHandle {
    /// Starts the writer's thread. All that can fail is done before, so that a store that opens can write.
    pub(crate) fn start(claimed: Claimed, head: HeadState, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let Claimed { conn, path, lock } = claimed;
        let checkpointer = Checkpointer::start(&path, &conn)?;
        let writer = SqliteWriter {
            conn,
            memory: Memory::new(head),
            shared,
        };
        let thread = std::thread::Builder::new()
            .name("reef-writer".to_owned())
            .spawn(move || {
                writer.work(queue, checkpointer);
                drop(lock);
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(crate) async fn send(&self, job: Job) -> Result<(), DbError> {
        let gone = || DbError::Gone("the writer has stopped".to_owned());
        self.jobs
            .as_ref()
            .ok_or_else(gone)?
            .send(job)
            .await
            .map_err(|_| gone())
    }

    /// Runs `work` on the writer's thread, between two transactions.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteWriter) -> R + Send + 'static,
    ) -> Result<R, DbError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Run(Box::new(move |writer| {
            drop(reply.send(work(writer)));
        }));
        self.send(job).await?;
        answer
            .await
            .map_err(|_| DbError::Gone("the writer has stopped".to_owned()))
    }
}

impl Drop for WriterHandle {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer's thread panicked");
        }
    }
}

impl SqliteWriter {
    fn work(mut self, mut queue: mpsc::Receiver<Job>, mut checkpointer: Checkpointer) {
        let mut jobs = Vec::new();
        let mut gather = Gather::default();
        while queue.blocking_recv_many(&mut jobs, MAX_BATCH) > 0 {
            let patience = gather.patience(Instant::now(), false);
            while !patience.is_over(jobs.len() + queue.len(), Instant::now()) {
                std::thread::sleep(GLANCE);
            }
            top_up(&mut jobs, &mut queue, MAX_BATCH);
            let (size, started) = (jobs.len(), Instant::now());
            let (mut batch, mut works, mut runs) = (Vec::new(), Vec::new(), Vec::new());
            for job in jobs.drain(..) {
                match job {
                    Job::Append(entry) => batch.push(*entry),
                    Job::Write(work) => works.push(work),
                    Job::Run(run) => runs.push(run),
                }
            }
            metrics::histogram!("reef_log_batch_size")
                .record(f64::from(u32::try_from(batch.len()).unwrap_or(0)));
            if !(batch.is_empty() && works.is_empty()) {
                self.commit(batch, works);
                checkpointer.committed(&self.conn);
            }
            gather.learn(size, queue.len(), started.elapsed());
            for run in runs {
                run(&mut self);
            }
        }
        if let Err(error) = self.conn.execute_batch("PRAGMA optimize;") {
            tracing::warn!(%error, "optimising the database failed");
        }
    }

    /// Reads the head anew and forgets what may be stale: after a failure nothing remembered is trusted.
    pub(crate) fn resync(&mut self) -> Result<(), LogError> {
        let head = super::commit::read_head(&self.conn)?;
        self.memory.reset(head.clone());
        self.shared.docs.invalidate();
        self.shared.forget_ends();
        *self.shared.state.write() = head;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
