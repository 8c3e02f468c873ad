//! What a batch of appends becomes: which are admitted, the events with their positions and hashes, and
//! the documents. Pure but for the clock; the writers of both databases execute it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use reef_commands::ports::{Append, Appended, LogError, NewEvent, StreamAppend, StreamKey};
use reef_domain::Envelope;
use tokio::sync::oneshot;

use crate::{
    docs::{Layout, ViewSet},
    fold::{FoldFailure, TouchAt, is_current, touches},
    memory::{HeadState, Known, Memory},
    merkle::Hash,
    record::Canonical,
};

/// An append with whoever waits for it.
pub(crate) struct Entry {
    pub(crate) append: Append,
    pub(crate) reply: oneshot::Sender<Result<Appended, LogError>>,
    /// Why it was not admitted.
    pub(crate) failure: Option<LogError>,
}

/// An event with its place.
pub(crate) struct PlannedEvent {
    entry: usize,
    stream: usize,
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) metadata_json: String,
    pub(crate) leaf: Hash,
}

/// What is to be committed.
pub(crate) struct Plan {
    pub(crate) events: Vec<PlannedEvent>,
    pub(crate) touches: Vec<TouchAt>,
    /// Entries that are admitted, with the position each is answered with.
    admitted: Vec<(usize, u64)>,
    /// Last sequence of each stream that the batch looked at.
    pub(crate) sequences: HashMap<StreamKey, u64>,
    pub(crate) head: HeadState,
}

impl Plan {
    /// Whether nothing at all is to be stored.
    pub(crate) fn is_empty(&self) -> bool {
        self.admitted.is_empty()
    }

    pub(crate) fn envelope(&self, event: usize) -> Arc<Envelope> {
        Arc::clone(&self.events[event].envelope)
    }

    /// The admitted entries that carry an idempotency record, with their positions.
    pub(crate) fn idempotency<'a>(
        &'a self,
        batch: &'a [Entry],
    ) -> impl Iterator<Item = (&'a reef_commands::ports::IdempotencyRecord, u64)> {
        self.admitted.iter().filter_map(|(entry, position)| {
            batch[*entry]
                .append
                .idempotency
                .as_ref()
                .map(|record| (record, *position))
        })
    }

    /// Gives the events back to the batch, for planning it anew.
    pub(crate) fn undo(self, batch: &mut [Entry]) {
        for PlannedEvent {
            entry,
            stream,
            envelope,
            metadata_json,
            ..
        } in self.events
        {
            let envelope = Arc::unwrap_or_clone(envelope);
            batch[entry].append.streams[stream].events.push(NewEvent {
                event: envelope.event,
                payload: envelope.payload,
                metadata: envelope.metadata,
                metadata_json,
            });
        }
    }

    /// Every event's envelope, in order.
    pub(crate) fn envelopes(&self) -> Vec<Arc<Envelope>> {
        self.events
            .iter()
            .map(|event| Arc::clone(&event.envelope))
            .collect()
    }

    /// Which entry an event belongs to.
    pub(crate) fn entry_of(&self, event: usize) -> usize {
        self.events[event].entry
    }

    /// Answers everybody: the admitted with their events, the others with why not.
    pub(crate) fn answer(self, batch: Vec<Entry>) {
        let mut results: Vec<Option<Appended>> = batch.iter().map(|_| None).collect();
        for (entry, position) in self.admitted {
            results[entry] = Some(Appended {
                envelopes: Vec::new(),
                position,
            });
        }
        for event in self.events {
            if let Some(appended) = &mut results[event.entry] {
                appended.envelopes.push(event.envelope);
            }
        }
        for (entry, appended) in batch.into_iter().zip(results) {
            let result = match (entry.failure, appended) {
                (Some(failure), _) => Err(failure),
                (None, Some(appended)) => Ok(appended),
                (None, None) => Err(LogError::Corrupt(
                    "an append was neither stored nor refused".to_owned(),
                )),
            };
            // Nobody waits any more: the events are stored all the same.
            drop(entry.reply.send(result));
        }
    }
}

/// Answers everybody who has not failed otherwise with the same error.
pub(crate) fn fail_all(batch: Vec<Entry>, error: &LogError) {
    for entry in batch {
        drop(
            entry
                .reply
                .send(Err(entry.failure.unwrap_or_else(|| error.clone()))),
        );
    }
}

struct Planner<'a> {
    memory: &'a Memory,
    known: &'a Known,
    keys: HashSet<(String, String)>,
    plan: Plan,
    recorded_at: DateTime<Utc>,
}

/// Judges the batch and gives every admitted event its place. Entries that are not admitted get their
/// failure; on a panic of a view nothing is changed but the entry's failure.
pub(crate) fn plan(
    batch: &mut [Entry],
    memory: &Memory,
    known: &Known,
    views: &ViewSet,
    layout: &Layout,
    now: DateTime<Utc>,
) -> Plan {
    loop {
        let mut plan = place(batch, memory, known, now);
        let envelopes = plan.events.iter().map(|event| &*event.envelope);
        match touches(views, is_current(layout), envelopes) {
            Ok(found) => {
                plan.touches = found;
                return plan;
            }
            Err(failure) => reject(plan, batch, failure),
        }
    }
}

/// Takes an append out of the batch because a view cannot take its event.
pub(crate) fn reject(plan: Plan, batch: &mut [Entry], failure: FoldFailure) {
    let entry = plan.entry_of(failure.event);
    plan.undo(batch);
    tracing::error!(
        reason = failure.reason,
        "an append was refused: a view cannot take its event"
    );
    batch[entry].failure = Some(LogError::Corrupt(failure.reason));
}

fn place(batch: &mut [Entry], memory: &Memory, known: &Known, now: DateTime<Utc>) -> Plan {
    let recorded_at_us = now.timestamp_micros().max(memory.head.recorded_at_us);
    let mut head = memory.head.clone();
    head.revision += 1;
    let mut planner = Planner {
        memory,
        known,
        keys: HashSet::new(),
        plan: Plan {
            events: Vec::with_capacity(batch.len() * 2),
            touches: Vec::new(),
            admitted: Vec::with_capacity(batch.len()),
            sequences: HashMap::with_capacity(batch.len()),
            head,
        },
        recorded_at: DateTime::from_timestamp_micros(recorded_at_us).unwrap_or(now),
    };
    for (index, entry) in batch
        .iter_mut()
        .enumerate()
        .filter(|(_, entry)| entry.failure.is_none())
    {
        match planner.admit(&entry.append) {
            Ok(()) => planner.place_entry(index, &mut entry.append),
            Err(failure) => entry.failure = Some(failure),
        }
    }
    if !planner.plan.events.is_empty() {
        planner.plan.head.recorded_at_us = recorded_at_us;
    }
    planner.plan
}

impl Planner<'_> {
    fn sequence(&self, stream: &StreamAppend) -> u64 {
        let planned = self.plan.sequences.get(&stream.key).copied();
        planned
            .or_else(|| self.memory.sequence(&stream.key))
            .or_else(|| self.known.sequences.get(&stream.key).copied())
            // Either it was looked up and there is none, or the unique index will tell.
            .unwrap_or(0)
    }

    fn admit(&mut self, append: &Append) -> Result<(), LogError> {
        if let Some(record) = &append.idempotency {
            let key = (record.scope.clone(), record.key.clone());
            if self.known.used_keys.contains(&key) || self.keys.contains(&key) {
                return Err(LogError::AlreadyDone);
            }
        }
        for (index, stream) in append.streams.iter().enumerate() {
            if append.streams[..index]
                .iter()
                .any(|earlier| earlier.key == stream.key)
            {
                return Err(LogError::Corrupt(format!(
                    "{} is in the append twice",
                    stream_name(&stream.key)
                )));
            }
            if self.sequence(stream) != stream.expected_sequence {
                return Err(LogError::Conflict(stream_name(&stream.key)));
            }
        }
        if let Some(record) = &append.idempotency {
            self.keys.insert((record.scope.clone(), record.key.clone()));
        }
        Ok(())
    }

    fn place_entry(&mut self, entry: usize, append: &mut Append) {
        for (stream, target) in append.streams.iter_mut().enumerate() {
            let mut sequence = target.expected_sequence;
            for event in std::mem::take(&mut target.events) {
                sequence += 1;
                self.place_event(entry, stream, target, sequence, event);
            }
            self.plan.sequences.insert(target.key.clone(), sequence);
        }
        self.plan.admitted.push((entry, self.plan.head.position));
    }

    fn place_event(
        &mut self,
        entry: usize,
        stream: usize,
        target: &StreamAppend,
        sequence: u64,
        event: NewEvent,
    ) {
        let head = &mut self.plan.head;
        head.position += 1;
        let envelope = Envelope {
            position: head.position,
            aggregate_type: target.key.aggregate_type,
            aggregate_id: Arc::clone(&target.key.aggregate_id),
            sequence,
            account_id: target.account_id.clone(),
            recorded_at: self.recorded_at,
            metadata: event.metadata,
            event: event.event,
            payload: event.payload,
        };
        let leaf = leaf_of(&envelope, &event.metadata_json);
        head.frontier.append(leaf);
        self.plan.events.push(PlannedEvent {
            entry,
            stream,
            envelope: Arc::new(envelope),
            metadata_json: event.metadata_json,
            leaf,
        });
    }
}

fn leaf_of(envelope: &Envelope, metadata_json: &str) -> Hash {
    Canonical {
        position: envelope.position,
        sequence: envelope.sequence,
        recorded_at_us: envelope.recorded_at.timestamp_micros(),
        aggregate_type: envelope.aggregate_type,
        aggregate_id: &envelope.aggregate_id,
        event_type: envelope.event.event_type(),
        event_version: &version_text(envelope.event.event_version()),
        payload: &envelope.payload,
        metadata: metadata_json,
        account_id: envelope.account_id.as_ref().map(reef_domain::AccountId::as_str),
    }
    .leaf_hash()
}

/// Schema versions as stored, without an allocation for each event.
pub(crate) fn version_text(version: u16) -> Cow<'static, str> {
    const TEXTS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let short = TEXTS.get(usize::from(version));
    short.map_or_else(|| version.to_string().into(), |text| Cow::Borrowed(*text))
}

/// A stream's name for people.
pub(crate) fn stream_name(key: &StreamKey) -> String {
    format!("{}/{}", key.aggregate_type, key.aggregate_id)
}
