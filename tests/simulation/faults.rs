//! A log that sometimes does not answer, and sometimes has done what it says nothing about.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_commands::{
    memory::MemoryStore,
    ports::{Append, Appended, EventLog, EventQuery, Head, Idempotent, LogError, StreamKey},
};
use reef_domain::Envelope;
use tokio::sync::watch;

use crate::chance::Chance;

/// The log with faults.
pub(crate) struct FaultyLog {
    store: Arc<MemoryStore>,
    chance: Chance,
    calm: Arc<AtomicBool>,
}

impl FaultyLog {
    /// Faults stop once it is calm.
    pub(crate) fn new(store: Arc<MemoryStore>, chance: Chance, calm: Arc<AtomicBool>) -> Self {
        Self { store, chance, calm }
    }

    fn fails(&self, percent: u32) -> bool {
        !self.calm.load(Ordering::SeqCst) && self.chance.percent(percent)
    }

    /// Often enough, somebody else gets a turn before the log answers.
    async fn takes_its_time(&self) {
        if self.chance.percent(30) {
            tokio::task::yield_now().await;
        }
    }

    async fn answers(&self) -> Result<(), LogError> {
        self.takes_its_time().await;
        if self.fails(1) {
            Err(unavailable(false))
        } else {
            Ok(())
        }
    }
}

fn unavailable(unknown: bool) -> LogError {
    LogError::Unavailable {
        reason: "a simulated fault".to_owned(),
        unknown,
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        self.takes_its_time().await;
        if self.fails(3) {
            return Err(unavailable(self.chance.percent(50)));
        }
        let appended = self.store.append(append).await?;
        self.takes_its_time().await;
        // Committed, but whoever asked never learns of it.
        if self.fails(4) {
            Err(unavailable(true))
        } else {
            Ok(appended)
        }
    }

    async fn stream(&self, key: &StreamKey, after: u64, limit: u32) -> Result<Vec<Arc<Envelope>>, LogError> {
        self.answers().await?;
        self.store.stream(key, after, limit).await
    }

    async fn read(&self, query: &EventQuery) -> Result<Vec<Arc<Envelope>>, LogError> {
        self.answers().await?;
        self.store.read(query).await
    }

    async fn position_at(&self, at: DateTime<Utc>) -> Result<u64, LogError> {
        self.store.position_at(at).await
    }

    async fn head(&self) -> Result<Head, LogError> {
        self.store.head().await
    }

    async fn leaves(&self, from: u64, to: u64) -> Result<Vec<[u8; 32]>, LogError> {
        self.store.leaves(from, to).await
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.store.watch()
    }

    async fn idempotent(&self, scope: &str, key: &str) -> Result<Option<Idempotent>, LogError> {
        self.answers().await?;
        self.store.idempotent(scope, key).await
    }

    async fn forget_idempotent(
        &self,
        subject: Option<&str>,
        before: Option<DateTime<Utc>>,
    ) -> Result<u64, LogError> {
        self.store.forget_idempotent(subject, before).await
    }
}
