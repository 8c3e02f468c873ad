//! The event log: append, read, follow; and what keeps followers honest (checkpoints, leases, parking).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_domain::{AccountId, AnyEvent, Envelope, Metadata};
use tokio::sync::watch;

/// Names one stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Aggregate type.
    pub aggregate_type: &'static str,
    /// Aggregate id.
    pub aggregate_id: Arc<str>,
}

/// An event about to be stored, serialised by whoever decided it so that the writer need not.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened.
    pub event: AnyEvent,
    /// `event.to_payload()`.
    pub payload: Arc<str>,
    /// Who and why.
    pub metadata: Metadata,
    /// `metadata` as JSON text.
    pub metadata_json: String,
}

/// What goes to one stream. With no events it is a guard: the append fails if the stream has moved.
#[derive(Debug, Clone)]
pub struct StreamAppend {
    /// Which stream.
    pub key: StreamKey,
    /// Owner of the stream.
    pub account_id: Option<AccountId>,
    /// Sequence of the stream's last event as the decision saw it; 0: the stream is new.
    pub expected_sequence: u64,
    /// The events, in order.
    pub events: Vec<NewEvent>,
}

/// Events of one command, for one or several streams: stored all together or not at all.
#[derive(Debug, Clone)]
pub struct Append {
    /// Streams in the order their events take positions; each stream at most once.
    pub streams: Vec<StreamAppend>,
    /// Remembers the command under its idempotency key in the same commit.
    pub idempotency: Option<IdempotencyRecord>,
}

/// What is remembered of a command that carried an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Account and principal the key belongs to, as one text.
    pub scope: String,
    /// The key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub fingerprint: [u8; 32],
    /// The answer to give again (without positions, which follow from the commit's).
    pub answer: Vec<u8>,
    /// The aggregate whose content the answer may hold: purged with it. Empty: none.
    pub subject: String,
}

/// A remembered command, found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotent {
    /// SHA-256 of what was asked then.
    pub fingerprint: [u8; 32],
    /// The answer given then.
    pub answer: Vec<u8>,
    /// Position of the last event of that commit; the head at that time if there was none.
    pub position: u64,
}

/// A committed append.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Every event, in order of position.
    pub envelopes: Vec<Arc<Envelope>>,
    /// Position of the last one; the head for an append without events.
    pub position: u64,
}

/// Why the log did not do it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogError {
    /// Another command got there first; `stream` is the one that had moved.
    #[error("stream {0} has moved")]
    Conflict(String),
    /// The idempotency key is already used: look it up and answer again.
    #[error("idempotency key already used")]
    AlreadyDone,
    /// The database does not answer. Nothing was stored, unless `unknown`: then it may have been.
    #[error("the log is not available: {reason}")]
    Unavailable {
        /// What the database said.
        reason: String,
        /// Whether the commit may have happened all the same.
        unknown: bool,
    },
    /// Something stored cannot be read, or a fold failed.
    #[error("the log is corrupt: {0}")]
    Corrupt(String),
    /// The lease was lost to another node; whatever was tried with it did not happen.
    #[error("lease lost")]
    Fenced,
}

/// Which events to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only events after this position.
    pub after: u64,
    /// Only events up to this position.
    pub until: Option<u64>,
    /// At most so many.
    pub limit: u32,
    /// Only of this account; `None`: all.
    pub account_id: Option<AccountId>,
    /// Only of these event types; empty: all.
    pub types: Vec<String>,
    /// Only of this aggregate type.
    pub aggregate_type: Option<String>,
    /// Only of this aggregate.
    pub aggregate_id: Option<String>,
}

/// The end of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Position of the last event; 0: empty.
    pub position: u64,
    /// RFC 6962 root hash over the leaf hashes up to `position`.
    pub root: [u8; 32],
}

/// The event log.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Stores the append, its documents and its idempotency record in one transaction. Once this
    /// returns `Ok` the events are durable and every view shows them. Dropping the future does not
    /// undo an append that was handed in.
    async fn append(&self, append: Append) -> Result<Appended, LogError>;

    /// Events of one stream with a sequence greater than `after`, ascending, at most `limit`.
    async fn stream(&self, key: &StreamKey, after: u64, limit: u32) -> Result<Vec<Arc<Envelope>>, LogError>;

    /// Events of the whole log, ascending by position.
    async fn read(&self, query: &EventQuery) -> Result<Vec<Arc<Envelope>>, LogError>;

    /// Position of the last event recorded at or before `at`; 0: none.
    async fn position_at(&self, at: DateTime<Utc>) -> Result<u64, LogError>;

    /// The end of the log with its root hash.
    async fn head(&self) -> Result<Head, LogError>;

    /// Leaf hashes of positions `from..=to`, for proofs.
    async fn leaves(&self, from: u64, to: u64) -> Result<Vec<[u8; 32]>, LogError>;

    /// Wakes with the newest committed position, this node's and (sooner or later) others'.
    fn watch(&self) -> watch::Receiver<u64>;

    /// The remembered command of that scope and key.
    async fn idempotent(&self, scope: &str, key: &str) -> Result<Option<Idempotent>, LogError>;

    /// Forgets remembered answers about that subject (deleted for good) and those older than `before`.
    async fn forget_idempotent(
        &self,
        subject: Option<&str>,
        before: Option<DateTime<Utc>>,
    ) -> Result<u64, LogError>;
}

/// The right to run one follower, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased: the follower's name.
    pub name: String,
    /// Grows with every change of holder.
    pub fence: Fence,
}

/// A number that grows with every change of holder; writes with an old one are refused.
pub type Fence = u64;

/// An intent that kept failing, set aside so that others can go on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Parked {
    /// Process manager.
    pub manager: String,
    /// What it is about; later intents of the same key wait behind it.
    pub key: String,
    /// Position of the event that asked for it.
    pub position: u64,
    /// Step within that event's intents.
    pub step: String,
    /// What went wrong last.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was set aside.
    pub parked_at: DateTime<Utc>,
}

/// Checkpoints, leases and parked intents of followers.
#[async_trait]
pub trait Checkpoints: Send + Sync + 'static {
    /// Takes or renews the lease; `None` while another holder's is still good.
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, LogError>;
    /// Gives the lease up at once.
    async fn release(&self, lease: &Lease) -> Result<(), LogError>;
    /// Where the follower is; 0: it has seen nothing.
    async fn checkpoint(&self, name: &str) -> Result<u64, LogError>;
    /// Moves the follower's checkpoint; [`LogError::Fenced`] if the lease is no longer held.
    async fn advance(&self, lease: &Lease, position: u64) -> Result<(), LogError>;
    /// Sets an intent aside, under the lease.
    async fn park(&self, lease: &Lease, parked: &Parked) -> Result<(), LogError>;
    /// Everything set aside, of one manager or of all, ascending by position.
    async fn parked(&self, manager: Option<&str>) -> Result<Vec<Parked>, LogError>;
    /// Takes one intent out of the parking; whether it was there.
    async fn unpark(&self, manager: &str, key: &str, position: u64, step: &str) -> Result<bool, LogError>;
    /// Every follower's name and checkpoint.
    async fn checkpoints(&self) -> Result<Vec<(String, u64)>, LogError>;
}

impl std::fmt::Display for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.aggregate_type, self.aggregate_id)
    }
}
