//! What is to be reported: kept until every report is acknowledged.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use reef_domain::TaskId;
use tokio::sync::{oneshot, watch};

use super::files::write_whole;
use crate::local::protocol::{Report, Verdict};

/// Log lines that wait to be sent; beyond it the oldest are dropped.
const LINES: usize = 1000;
/// Reports sent but not acknowledged on one connection.
const WINDOW: usize = 64;

struct Entry {
    seq: u64,
    report: Report,
    /// The file that keeps it.
    kept: Option<PathBuf>,
    waiters: Vec<oneshot::Sender<Verdict>>,
}

#[derive(Default)]
struct State {
    last: u64,
    entries: VecDeque<Entry>,
}

/// The outbox of a node process.
pub struct Outbox {
    folder: PathBuf,
    instance: String,
    files: AtomicU64,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Outbox {
    /// The outbox in the node's folder, with what an earlier process left in it. `instance` is new for each
    /// process.
    pub async fn open(state_dir: &Path, instance: &str) -> io::Result<Arc<Self>> {
        let folder = state_dir.join("outbox");
        tokio::fs::create_dir_all(&folder).await?;
        let mut state = State::default();
        let mut left = tokio::fs::read_dir(&folder).await?;
        while let Some(file) = left.next_entry().await? {
            let text = tokio::fs::read_to_string(file.path()).await?;
            match serde_json::from_str(&text) {
                Ok(report) => {
                    state.last += 1;
                    state.entries.push_back(Entry {
                        seq: state.last,
                        report,
                        kept: Some(file.path()),
                        waiters: Vec::new(),
                    });
                }
                // Half written when the machine stopped; the task is handed over again.
                Err(_) => tokio::fs::remove_file(file.path()).await?,
            }
        }
        Ok(Arc::new(Self {
            folder,
            instance: instance.to_owned(),
            files: AtomicU64::new(0),
            changed: watch::channel(state.last).0,
            state: Mutex::new(state),
        }))
    }

    /// Of this process.
    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().entries.len()
    }

    /// Reports, and waits until a server has recorded it; `None`: the node stops before.
    pub(super) async fn report(&self, report: Report) -> Option<Verdict> {
        let kept = self.keep(&report).await;
        let (waiter, verdict) = oneshot::channel();
        self.push(report, kept, vec![waiter]);
        verdict.await.ok()
    }

    /// If what became of the task is already to be reported: waits until that is recorded.
    pub(super) async fn settled(&self, task: &TaskId) -> Option<Verdict> {
        let (waiter, verdict) = oneshot::channel();
        {
            let mut state = self.state.lock();
            let entry = state
                .entries
                .iter_mut()
                .find(|entry| outcome_of(&entry.report) == Some(task))?;
            entry.waiters.push(waiter);
        }
        verdict.await.ok()
    }

    /// A line for the server; nobody waits for it.
    pub(super) fn log(&self, line: Report) {
        {
            let mut state = self.state.lock();
            let is_line = |entry: &Entry| matches!(entry.report, Report::Logged { .. });
            let lines = state.entries.iter().filter(|entry| is_line(entry)).count();
            if lines >= LINES
                && let Some(oldest) = state.entries.iter().position(is_line)
            {
                state.entries.remove(oldest);
            }
        }
        self.push(line, None, Vec::new());
    }

    fn push(&self, report: Report, kept: Option<PathBuf>, waiters: Vec<oneshot::Sender<Verdict>>) {
        let mut state = self.state.lock();
        state.last += 1;
        let seq = state.last;
        state.entries.push_back(Entry {
            seq,
            report,
            kept,
            waiters,
        });
        drop(state);
        self.changed.send_modify(|count| *count += 1);
    }

    /// What became of a task, and what an agent did by itself, must survive this process.
    async fn keep(&self, report: &Report) -> Option<PathBuf> {
        if !is_kept(report) {
            return None;
        }
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{}-{number}.json", self.instance));
        let text = serde_json::to_vec(report).ok()?;
        match write_whole(&path, &text).await {
            Ok(()) => Some(path),
            Err(error) => {
                tracing::warn!(%error, "a report could not be kept; it is lost if this process stops before it is sent");
                None
            }
        }
    }

    /// The next to be sent on a connection that has sent everything up to `cursor`; `None`: nothing now.
    pub(super) fn next(&self, cursor: u64) -> Option<(u64, Report)> {
        let state = self.state.lock();
        let unacknowledged = state
            .entries
            .iter()
            .take_while(|entry| entry.seq <= cursor)
            .count();
        if unacknowledged >= WINDOW {
            return None;
        }
        let entry = state.entries.get(unacknowledged)?;
        Some((entry.seq, entry.report.clone()))
    }

    /// Tells of new reports and of acknowledgements.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A server has recorded it.
    pub(super) async fn acknowledged(&self, seq: u64, verdict: Verdict) {
        let entry = {
            let mut state = self.state.lock();
            let index = state.entries.iter().position(|entry| entry.seq == seq);
            index.and_then(|index| state.entries.remove(index))
        };
        let Some(entry) = entry else { return };
        if let Some(path) = entry.kept
            && let Err(error) = tokio::fs::remove_file(&path).await
        {
            tracing::warn!(%error, path = %path.display(), "a report that was sent is still kept");
        }
        if let Verdict::Refused { reason } = &verdict {
            tracing::warn!(reason, "the server refused a report");
        }
        for waiter in entry.waiters {
            drop(waiter.send(verdict.clone()));
        }
        self.changed.send_modify(|count| *count += 1);
    }
}

/// The task whose end or halt the report tells.
fn outcome_of(report: &Report) -> Option<&TaskId> {
    match report {
        Report::ApprovalNeeded { task_id, .. }
        | Report::TaskCompleted { task_id, .. }
        | Report::TaskFailed { task_id, .. } => Some(task_id),
        Report::TaskClaimed { .. }
        | Report::CronCompleted { .. }
        | Report::AgentMessage { .. }
        | Report::AgentError { .. }
        | Report::CronPlanned { .. }
        | Report::Logged { .. } => None,
    }
}

fn is_kept(report: &Report) -> bool {
    match report {
        Report::ApprovalNeeded { .. }
        | Report::TaskCompleted { .. }
        | Report::TaskFailed { .. }
        | Report::CronCompleted { .. }
        | Report::AgentMessage { .. }
        | Report::AgentError { .. } => true,
        // The next push plans anew.
        Report::TaskClaimed { .. } | Report::CronPlanned { .. } | Report::Logged { .. } => false,
    }
}
