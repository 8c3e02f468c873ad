//! Exports of events, checked without a server: a `CloudEvent` holds everything its leaf hash covers.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use reef_domain::{Actor, Metadata};
use reef_store::{
    EventRecord,
    verify::{Verdict, Verifier},
};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Line<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    time: DateTime<Utc>,
    position: u64,
    sequence: u64,
    aggregatetype: String,
    aggregateid: String,
    accountid: Option<String>,
    actor: Actor,
    dialect: String,
    correlationid: String,
    causationid: Option<String>,
    schemaversion: u16,
    /// Lower-case hexadecimal; written by `reef events export`.
    leafhash: Option<String>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Checks every line of an export.
pub(super) fn verify(file: &Path, mut verifier: Verifier) -> Result<Verdict> {
    let lines = BufReader::new(File::open(file).with_context(|| file.display().to_string())?).lines();
    for (number, line) in (1..).zip(lines) {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        let event: Line<'_> = serde_json::from_str(&line)
            .with_context(|| format!("line {number} of {} is not an exported event", file.display()))?;
        if let Err(fault) = verifier.push(&record(event)?) {
            return Ok(Err(fault));
        }
    }
    Ok(verifier.finish())
}

fn record(line: Line<'_>) -> Result<EventRecord> {
    let metadata = Metadata {
        event_id: line.id,
        actor: line.actor,
        dialect: line.dialect,
        correlation_id: line.correlationid,
        causation_id: line.causationid,
    };
    let mut record = EventRecord {
        position: line.position,
        payload: format!("{{\"{}\":{}}}", line.kind, line.data.get()).into(),
        aggregate_type: line.aggregatetype,
        aggregate_id: line.aggregateid.into(),
        sequence: line.sequence,
        event_type: line.kind,
        event_version: line.schemaversion.to_string(),
        metadata: serde_json::to_string(&metadata)?,
        account_id: line.accountid,
        recorded_at_us: line.time.timestamp_micros(),
        leaf_hash: [0; 32],
    };
    match line.leafhash {
        Some(hash) => hex::decode_to_slice(hash, &mut record.leaf_hash)
            .with_context(|| format!("leaf hash of position {}", record.position))?,
        // Without it an edit shows only in the root hash.
        None => record.leaf_hash = record.computed_leaf_hash(),
    }
    Ok(record)
}
