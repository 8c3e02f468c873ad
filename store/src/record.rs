//! An event as it is stored, and the canonical record that its leaf hash is over.
//!
//! The canonical record, version 1, is this concatenation (integers big-endian):
//!
//! | Field | Form |
//! |---|---|
//! | tag | the 14 bytes `reef.event.v1\n` |
//! | position | u64 |
//! | sequence | u64 |
//! | recorded at | i64, microseconds since 1970-01-01 UTC |
//! | aggregate type, aggregate id, event type, event version, payload, metadata | each: u32 length in bytes, then the bytes as stored (UTF-8) |
//! | account id | as before; `0xFFFF_FFFF` alone where there is none |
//!
//! The leaf hash is `SHA-256(0x00 || record)` (RFC 6962); position - 1 is the leaf index.

use std::sync::Arc;

use chrono::DateTime;
use reef_commands::ports::LogError;
use reef_domain::{AccountId, AnyEvent, Envelope};
use serde::{Deserialize, Serialize};

use crate::merkle::{Hash, leaf_hash_parts};

/// A stored event with everything that its leaf hash covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Place in the global order, from 1.
    pub position: u64,
    /// Aggregate type.
    pub aggregate_type: String,
    /// Aggregate id.
    pub aggregate_id: Arc<str>,
    /// Place in the stream, from 1.
    pub sequence: u64,
    /// Stored name of the event.
    pub event_type: String,
    /// Schema version of the payload, as text.
    pub event_version: String,
    /// Payload, byte for byte as stored.
    pub payload: Arc<str>,
    /// Metadata, byte for byte as stored.
    pub metadata: String,
    /// Owner of the stream, where it has one.
    pub account_id: Option<String>,
    /// When it was committed, microseconds since 1970.
    pub recorded_at_us: i64,
    /// The stored leaf hash.
    #[serde(with = "hex_hash")]
    pub leaf_hash: Hash,
}

/// What the leaf hash covers, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Canonical<'a> {
    pub(crate) position: u64,
    pub(crate) sequence: u64,
    pub(crate) recorded_at_us: i64,
    pub(crate) aggregate_type: &'a str,
    pub(crate) aggregate_id: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) event_version: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) metadata: &'a str,
    pub(crate) account_id: Option<&'a str>,
}

const TAG: &[u8] = b"reef.event.v1\n";
const ABSENT: [u8; 4] = u32::MAX.to_be_bytes();

fn length(text: &str) -> [u8; 4] {
    // Larger texts than this cannot be stored in either database.
    u32::try_from(text.len()).unwrap_or(u32::MAX - 1).to_be_bytes()
}

impl Canonical<'_> {
    pub(crate) fn leaf_hash(&self) -> Hash {
        let texts = [
            self.aggregate_type,
            self.aggregate_id,
            self.event_type,
            self.event_version,
            self.payload,
            self.metadata,
        ];
        let lengths = texts.map(length);
        let numbers = [
            self.position.to_be_bytes(),
            self.sequence.to_be_bytes(),
            self.recorded_at_us.to_be_bytes(),
        ];
        let (account_length, account) = self
            .account_id
            .map_or((ABSENT, ""), |account| (length(account), account));
        let head = [TAG, &numbers[0], &numbers[1], &numbers[2]];
        let body = lengths
            .iter()
            .zip(texts)
            .flat_map(|(length, text)| [&length[..], text.as_bytes()]);
        leaf_hash_parts(
            head.into_iter()
                .chain(body)
                .chain([&account_length[..], account.as_bytes()]),
        )
    }

    pub(crate) fn envelope(&self) -> Result<Envelope, LogError> {
        let corrupt = |reason: String| LogError::Corrupt(format!("event {}: {reason}", self.position));
        let version = self
            .event_version
            .parse()
            .map_err(|_| corrupt("bad event_version".to_owned()))?;
        let event = AnyEvent::decode(self.aggregate_type, self.event_type, version, self.payload)
            .map_err(|error| corrupt(error.to_string()))?;
        let metadata = serde_json::from_str(self.metadata).map_err(|error| corrupt(error.to_string()))?;
        let recorded_at = DateTime::from_timestamp_micros(self.recorded_at_us)
            .ok_or_else(|| corrupt("bad recorded_at".to_owned()))?;
        Ok(Envelope {
            position: self.position,
            aggregate_type: event.aggregate_type(),
            aggregate_id: self.aggregate_id.into(),
            sequence: self.sequence,
            account_id: self.account_id.map(AccountId::from),
            recorded_at,
            metadata,
            event,
            payload: self.payload.into(),
        })
    }

    /// The record with its stored leaf hash.
    pub(crate) fn record(&self, leaf_hash: &[u8]) -> EventRecord {
        EventRecord {
            position: self.position,
            aggregate_type: self.aggregate_type.to_owned(),
            aggregate_id: self.aggregate_id.into(),
            sequence: self.sequence,
            event_type: self.event_type.to_owned(),
            event_version: self.event_version.to_owned(),
            payload: self.payload.into(),
            metadata: self.metadata.to_owned(),
            account_id: self.account_id.map(ToOwned::to_owned),
            recorded_at_us: self.recorded_at_us,
            // A hash of another length was edited: all zeros will not match either.
            leaf_hash: leaf_hash.try_into().unwrap_or_default(),
        }
    }
}

impl EventRecord {
    /// The leaf hash that the record should have.
    pub fn computed_leaf_hash(&self) -> Hash {
        self.canonical().leaf_hash()
    }

    /// Reads the event in it.
    pub fn envelope(&self) -> Result<Envelope, LogError> {
        self.canonical().envelope()
    }

    fn canonical(&self) -> Canonical<'_> {
        Canonical {
            position: self.position,
            sequence: self.sequence,
            recorded_at_us: self.recorded_at_us,
            aggregate_type: &self.aggregate_type,
            aggregate_id: &self.aggregate_id,
            event_type: &self.event_type,
            event_version: &self.event_version,
            payload: &self.payload,
            metadata: &self.metadata,
            account_id: self.account_id.as_deref(),
        }
    }
}

mod hex_hash {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(D::Error::custom)?;
        Ok(hash)
    }
}

#[cfg(test)]
mod tests;
