//! Every port in memory: for tests of use cases and managers, and for the simulation.
//!
//! It keeps the promises of the real store that callers can see (gap-free positions, sequence checks,
//! guards, views visible at the acknowledgement, fenced leases), and none of its durability.

mod checkpoints;
mod deliveries;
mod sightings;
mod views;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reef_domain::{Envelope, VaultRef};
use reef_projections::{AnyDoc, AnyView};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::ports::{
    Append, Appended, Clock, EventLog, EventQuery, Head, Idempotent, Lease, LogError, LogLevel, LogLine,
    LogLines, Parked, Sealed, Sighting, StreamKey, Vault, VaultError, VaultOwner,
};

pub(crate) struct StoredDoc {
    pub(crate) doc: AnyDoc,
    pub(crate) row: reef_projections::Row,
    pub(crate) created_position: u64,
    pub(crate) position: u64,
}

#[derive(Default)]
struct State {
    events: Vec<Arc<Envelope>>,
    sequences: HashMap<StreamKey, u64>,
    idempotent: HashMap<(String, String), (Idempotent, String)>,
    docs: HashMap<&'static str, BTreeMap<String, StoredDoc>>,
    leases: HashMap<String, (String, u64, DateTime<Utc>)>,
    checkpoints: BTreeMap<String, u64>,
    parked: Vec<Parked>,
    files: BTreeMap<(String, String), Sealed>,
    secrets: HashMap<(String, String), Vec<u8>>,
    destroyed: Vec<String>,
    lines: HashMap<String, Vec<LogLine>>,
    sightings: BTreeMap<String, Sighting>,
    deliveries: deliveries::Kept,
    refs: u64,
}

/// The ports in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    views: Vec<Box<dyn AnyView>>,
    state: Mutex<State>,
    head: watch::Sender<u64>,
}

impl MemoryStore {
    /// An empty store over every view.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let (head, _) = watch::channel(0);
        Arc::new(Self {
            clock,
            views: reef_projections::views::all(),
            state: Mutex::default(),
            head,
        })
    }

    /// Every event, in order.
    pub fn events(&self) -> Vec<Arc<Envelope>> {
        self.state.lock().events.clone()
    }

    fn apply(&self, state: &mut State, append: &Append, now: DateTime<Utc>) -> Vec<Arc<Envelope>> {
        let mut envelopes = Vec::new();
        let recorded_at = state.events.last().map_or(now, |last| last.recorded_at.max(now));
        for stream in &append.streams {
            for (event, sequence) in stream.events.iter().zip(stream.expected_sequence + 1..) {
                let envelope = Arc::new(Envelope {
                    position: state.events.len() as u64 + 1,
                    aggregate_type: stream.key.aggregate_type,
                    aggregate_id: Arc::clone(&stream.key.aggregate_id),
                    sequence,
                    account_id: stream.account_id.clone(),
                    recorded_at,
                    metadata: event.metadata.clone(),
                    event: event.event.clone(),
                    payload: Arc::clone(&event.payload),
                });
                state.sequences.insert(stream.key.clone(), sequence);
                state.events.push(Arc::clone(&envelope));
                views::fold_into(&self.views, &mut state.docs, &envelope);
                envelopes.push(envelope);
            }
        }
        envelopes
    }
}

#[async_trait]
impl EventLog for MemoryStore {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        for stream in &append.streams {
            if state.sequences.get(&stream.key).copied().unwrap_or(0) != stream.expected_sequence {
                return Err(LogError::Conflict(stream.key.to_string()));
            }
        }
        if let Some(record) = &append.idempotency
            && state
                .idempotent
                .contains_key(&(record.scope.clone(), record.key.clone()))
        {
            return Err(LogError::AlreadyDone);
        }
        let envelopes = self.apply(&mut state, &append, now);
        let position = state.events.len() as u64;
        if let Some(record) = append.idempotency {
            let known = Idempotent {
                fingerprint: record.fingerprint,
                answer: record.answer,
                position,
            };
            state
                .idempotent
                .insert((record.scope, record.key), (known, record.subject));
        }
        drop(state);
        self.head.send_replace(position);
        Ok(Appended { envelopes, position })
    }

    async fn stream(&self, key: &StreamKey, after: u64, limit: u32) -> Result<Vec<Arc<Envelope>>, LogError> {
        let state = self.state.lock();
        let of_stream = state.events.iter().filter(|envelope| {
            envelope.aggregate_type == key.aggregate_type
                && envelope.aggregate_id == key.aggregate_id
                && envelope.sequence > after
        });
        Ok(of_stream.take(limit as usize).cloned().collect())
    }

    async fn read(&self, query: &EventQuery) -> Result<Vec<Arc<Envelope>>, LogError> {
        let matches = |envelope: &&Arc<Envelope>| {
            query.until.is_none_or(|until| envelope.position <= until)
                && (query.account_id.is_none() || query.account_id == envelope.account_id)
                && (query.types.is_empty()
                    || query.types.iter().any(|kind| kind == envelope.event.event_type()))
                && query
                    .aggregate_type
                    .as_deref()
                    .is_none_or(|kind| kind == envelope.aggregate_type)
                && query
                    .aggregate_id
                    .as_deref()
                    .is_none_or(|id| id == &*envelope.aggregate_id)
        };
        let state = self.state.lock();
        let after = usize::try_from(query.after).unwrap_or(usize::MAX);
        Ok(state
            .events
            .iter()
            .skip(after)
            .filter(matches)
            .take(query.limit as usize)
            .cloned()
            .collect())
    }

    async fn position_at(&self, at: DateTime<Utc>) -> Result<u64, LogError> {
        let state = self.state.lock();
        Ok(state
            .events
            .iter()
            .rev()
            .find(|event| event.recorded_at <= at)
            .map_or(0, |event| event.position))
    }

    async fn head(&self) -> Result<Head, LogError> {
        Ok(Head {
            position: self.state.lock().events.len() as u64,
            root: [0; 32],
        })
    }

    async fn leaves(&self, _: u64, _: u64) -> Result<Vec<[u8; 32]>, LogError> {
        Err(LogError::Corrupt("the log in memory keeps no hashes".to_owned()))
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    async fn idempotent(&self, scope: &str, key: &str) -> Result<Option<Idempotent>, LogError> {
        let entry = (scope.to_owned(), key.to_owned());
        Ok(self
            .state
            .lock()
            .idempotent
            .get(&entry)
            .map(|(known, _)| known.clone()))
    }

    async fn forget_idempotent(
        &self,
        subject: Option<&str>,
        before: Option<DateTime<Utc>>,
    ) -> Result<u64, LogError> {
        let mut state = self.state.lock();
        let cut = before.map_or(0, |before| {
            state
                .events
                .iter()
                .rev()
                .find(|event| event.recorded_at < before)
                .map_or(0, |event| event.position)
        });
        let known = state.idempotent.len();
        state.idempotent.retain(|_, (record, about)| {
            !(subject.is_some_and(|subject| subject == about.as_str()) || record.position < cut)
        });
        Ok((known - state.idempotent.len()) as u64)
    }
}

impl LogLines for MemoryStore {
    fn push(
        &self,
        runtime: &reef_domain::RuntimeId,
        agent: Option<&reef_domain::AgentId>,
        level: LogLevel,
        message: String,
    ) {
        let at = self.clock.now();
        let mut state = self.state.lock();
        let lines = state.lines.entry(runtime.to_string()).or_default();
        let seq = lines.len() as u64 + 1;
        lines.push(LogLine {
            seq,
            at,
            level,
            agent_id: agent.cloned(),
            message,
        });
    }

    fn tail(&self, runtime: &reef_domain::RuntimeId, after: u64, limit: usize) -> Vec<LogLine> {
        let state = self.state.lock();
        let lines = state
            .lines
            .get(runtime.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let newer: Vec<LogLine> = lines.iter().filter(|line| line.seq > after).cloned().collect();
        newer[newer.len().saturating_sub(limit)..].to_vec()
    }
}

/// Not encryption: it only keeps owner and purpose with the value, so that mix-ups show.
#[async_trait]
impl Vault for MemoryStore {
    async fn seal(&self, owner: &VaultOwner, purpose: &str, plain: &[u8]) -> Result<Sealed, VaultError> {
        if self.state.lock().destroyed.contains(&owner.0) {
            return Err(VaultError::Destroyed);
        }
        Ok(Sealed(format!("{}|{purpose}|{}", owner.0, hex::encode(plain))))
    }

    async fn open(
        &self,
        owner: &VaultOwner,
        purpose: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        if self.state.lock().destroyed.contains(&owner.0) {
            return Err(VaultError::Destroyed);
        }
        let text = sealed
            .0
            .strip_prefix(&format!("{}|{purpose}|", owner.0))
            .ok_or(VaultError::Unopenable)?;
        hex::decode(text)
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Unopenable)
    }

    async fn put(&self, owner: &VaultOwner, value: &[u8]) -> Result<VaultRef, VaultError> {
        let mut state = self.state.lock();
        if state.destroyed.contains(&owner.0) {
            return Err(VaultError::Destroyed);
        }
        state.refs += 1;
        let reference = VaultRef::from(format!("ref-{}", state.refs));
        state
            .secrets
            .insert((owner.0.clone(), reference.to_string()), value.to_vec());
        Ok(reference)
    }

    async fn get(&self, owner: &VaultOwner, reference: &VaultRef) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let state = self.state.lock();
        let value = state.secrets.get(&(owner.0.clone(), reference.to_string()));
        value.cloned().map(Zeroizing::new).ok_or(VaultError::Absent)
    }

    async fn remove(&self, owner: &VaultOwner, reference: &VaultRef) -> Result<(), VaultError> {
        self.state
            .lock()
            .secrets
            .remove(&(owner.0.clone(), reference.to_string()));
        Ok(())
    }

    async fn destroy(&self, owner: &VaultOwner) -> Result<(), VaultError> {
        let mut state = self.state.lock();
        state.secrets.retain(|(of, _), _| *of != owner.0);
        if !state.destroyed.contains(&owner.0) {
            state.destroyed.push(owner.0.clone());
        }
        Ok(())
    }
}

fn lease_of(name: &str, fence: u64) -> Lease {
    Lease {
        name: name.to_owned(),
        fence,
    }
}
