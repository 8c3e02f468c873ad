//! What the writer remembers between batches.

use std::collections::{HashMap, HashSet};

use quick_cache::unsync::Cache;
use reef_commands::ports::StreamKey;

use crate::{merkle::Frontier, plan::Entry};

/// Streams whose last sequence is remembered.
const KNOWN_STREAMS: usize = 200_000;

/// The end of the log as the writer knows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HeadState {
    /// Grows with every commit of any node, also with those without events.
    pub(crate) revision: i64,
    pub(crate) position: u64,
    pub(crate) frontier: Frontier,
    pub(crate) recorded_at_us: i64,
    /// State of the registry of views, see [`Layout::number`].
    pub(crate) layout: i64,
}

/// What the writer remembers between batches; exact as long as nobody else wrote.
pub(crate) struct Memory {
    pub(crate) head: HeadState,
    sequences: Cache<StreamKey, (u64, u64)>,
    generation: u64,
}

impl Memory {
    pub(crate) fn new(head: HeadState) -> Self {
        Self {
            head,
            sequences: Cache::new(KNOWN_STREAMS),
            generation: 0,
        }
    }

    /// Takes the head as it was read anew, and forgets what may be stale.
    pub(crate) fn reset(&mut self, head: HeadState) {
        self.head = head;
        self.generation += 1;
    }

    pub(crate) fn sequence(&self, key: &StreamKey) -> Option<u64> {
        let (sequence, generation) = *self.sequences.get(key)?;
        (generation == self.generation).then_some(sequence)
    }

    /// Streams whose sequence must be read before the batch can be judged. `trusting`: that a new stream
    /// is new is left to the unique index.
    pub(crate) fn unknown_streams(&self, batch: &[Entry], trusting: bool) -> Vec<StreamKey> {
        let streams = batch
            .iter()
            .filter(|entry| entry.failure.is_none())
            .flat_map(|entry| &entry.append.streams);
        let mut keys: Vec<StreamKey> = streams
            .filter(|stream| !(trusting && stream.expected_sequence == 0 && !stream.events.is_empty()))
            .filter(|stream| self.sequence(&stream.key).is_none())
            .map(|stream| stream.key.clone())
            .collect();
        keys.sort_unstable_by(|a, b| {
            (a.aggregate_type, &a.aggregate_id).cmp(&(b.aggregate_type, &b.aggregate_id))
        });
        keys.dedup();
        keys
    }

    /// Takes what was committed.
    pub(crate) fn committed(&mut self, head: &HeadState, sequences: &HashMap<StreamKey, u64>) {
        self.head = head.clone();
        for (key, sequence) in sequences {
            self.sequences.insert(key.clone(), (*sequence, self.generation));
        }
    }
}

/// What was read for the batch besides the memory.
#[derive(Default)]
pub(crate) struct Known {
    /// Last sequences of streams; a stream that is not in here has none.
    pub(crate) sequences: HashMap<StreamKey, u64>,
    /// Idempotency keys of the batch that are used already.
    pub(crate) used_keys: HashSet<(String, String)>,
}
