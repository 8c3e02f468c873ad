//! Checking a log: every leaf hash, the order, and the tree, from a database or from records kept
//! elsewhere. Whoever edits a row is found, and the first position that differs is named.

use std::collections::{BTreeMap, HashMap};

use crate::{
    EventRecord, Store, StoreError,
    merkle::{Frontier, Hash},
    sql::{Statement, to_db},
};

/// Records read at once.
const PAGE: u64 = 5000;

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Positions are not consecutive: a row is missing, doubled or moved.
    #[error("position {expected} is missing: position {found} follows")]
    Gap {
        /// The position that should have come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// A record is not what its leaf hash was made of.
    #[error("position {position} was edited: its record does not have its leaf hash")]
    Edited {
        /// The record's position.
        position: u64,
    },
    /// Sequences of a stream are not consecutive.
    #[error("position {position} has sequence {found} in its stream, not {expected}")]
    Sequence {
        /// The record's position.
        position: u64,
        /// The sequence that should have come in its stream.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// Time went backwards.
    #[error("position {position} was recorded before the one in front of it")]
    Time {
        /// The record's position.
        position: u64,
    },
    /// The first events are not those that a root hash kept elsewhere is over.
    #[error("the first {size} events do not have the root hash that was kept for them")]
    Root {
        /// How many events the kept root is over.
        size: u64,
    },
    /// Events that a root hash is over, or that the head counts, are missing at the end.
    #[error("the log ends at position {found}, but had {expected}")]
    Truncated {
        /// The last position that should be there.
        expected: u64,
        /// The last one that is.
        found: u64,
    },
}

/// A log in which no fault was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many events it has.
    pub size: u64,
    /// Root hash over their leaf hashes.
    pub root: Hash,
}

/// What checking a log came to.
pub type Verdict = Result<Verified, Fault>;

/// Checks records one after another.
#[derive(Debug, Default)]
pub struct Verifier {
    frontier: Frontier,
    sequences: HashMap<(String, String), u64>,
    recorded_at_us: i64,
    kept: BTreeMap<u64, Hash>,
}

impl Verifier {
    /// A verifier that compares with root hashes kept elsewhere, each with how many events it is over.
    pub fn new(kept: impl IntoIterator<Item = (u64, Hash)>) -> Self {
        Self {
            kept: kept.into_iter().collect(),
            recorded_at_us: i64::MIN,
            ..Self::default()
        }
    }

    /// Checks the next record.
    pub fn push(&mut self, record: &EventRecord) -> Result<(), Fault> {
        let expected = self.frontier.size() + 1;
        if record.position != expected {
            return Err(Fault::Gap {
                expected,
                found: record.position,
            });
        }
        let position = record.position;
        if record.computed_leaf_hash() != record.leaf_hash {
            return Err(Fault::Edited { position });
        }
        let stream = (record.aggregate_type.clone(), record.aggregate_id.to_string());
        let sequence = self.sequences.entry(stream).or_default();
        if record.sequence != *sequence + 1 {
            return Err(Fault::Sequence {
                position,
                expected: *sequence + 1,
                found: record.sequence,
            });
        }
        *sequence = record.sequence;
        if record.recorded_at_us < self.recorded_at_us {
            return Err(Fault::Time { position });
        }
        self.recorded_at_us = record.recorded_at_us;
        self.frontier.append(record.leaf_hash);
        self.check_root()
    }

    fn check_root(&self) -> Result<(), Fault> {
        let size = self.frontier.size();
        match self.kept.get(&size) {
            Some(root) if *root != self.frontier.root() => Err(Fault::Root { size }),
            _ => Ok(()),
        }
    }

    /// Ends the check: everything that a kept root is over must have come.
    pub fn finish(self) -> Verdict {
        let found = self.frontier.size();
        if let Some((&expected, _)) = self.kept.last_key_value().filter(|(size, _)| **size > found) {
            return Err(Fault::Truncated { expected, found });
        }
        if self.kept.contains_key(&0) && found == 0 {
            self.check_root()?;
        }
        Ok(Verified {
            size: found,
            root: self.frontier.root(),
        })
    }
}

impl Store {
    /// Checks the whole log as of now, against its own head and against root hashes kept elsewhere.
    /// `progress` is told how many events were checked, and of how many.
    pub async fn verify(
        &self,
        kept: impl IntoIterator<Item = (u64, Hash)>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Verdict, StoreError> {
        let mut snapshot = self.0.db.snapshot().await?;
        let head = Statement::new("SELECT position, frontier FROM log_head WHERE id = 1", vec![]);
        let mut rows = snapshot.fetch(head).await?;
        let (size, frontier) = rows
            .first_mut()
            .map_or((0, Vec::new()), |row| (row.number(0), row.bytes(1)));
        let mut verifier = Verifier::new(kept);
        let mut checked = 0;
        loop {
            let tail = "WHERE position > $1 ORDER BY position LIMIT $2";
            let args = vec![to_db(checked).into(), PAGE.into()];
            let records = snapshot
                .events(tail, args, |event, leaf| Ok(event.record(leaf)))
                .await?;
            for record in &records {
                if let Err(fault) = verifier.push(record) {
                    return Ok(Err(fault));
                }
            }
            checked += records.len() as u64;
            progress(checked, size);
            if (records.len() as u64) < PAGE {
                break;
            }
        }
        Ok(verifier.finish().and_then(|verified| {
            if verified.size != size {
                return Err(Fault::Truncated {
                    expected: size,
                    found: verified.size,
                });
            }
            // The head's own frontier has not been touched by whoever edited rows only.
            let own = Frontier::from_bytes(size, &frontier).map(|frontier| frontier.root());
            if own == Some(verified.root) {
                Ok(verified)
            } else {
                Err(Fault::Root { size })
            }
        }))
    }
}
