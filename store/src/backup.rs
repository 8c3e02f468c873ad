//! Backups: everything that cannot be rebuilt, as one JSON value per line.
//!
//! The first line is the header, the last says how many records there were; between them are the events
//! as stored, and the rows of the other tables. Leases are left out (they mean running processes), views
//! are rebuilt from the events and compared with the digests in the header. Data keys are wrapped: a
//! backup opens only with the master key.

mod export;
mod import;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use crate::{
    EventRecord, StoreError,
    db::Snapshot,
    merkle::Hash,
    sql::{Statement, Value},
    verify::{Verdict, Verifier},
};

/// Rows read and written at once.
const PAGE: usize = 500;
/// Version of the form.
const FORM: u32 = 1;
/// Marks a database that is being filled: an interrupted restore is not to be served.
const RESTORING: &str = "restoring";

/// A table that is copied row by row; the first `key` columns are its primary key.
struct Copied {
    name: &'static str,
    columns: &'static [&'static str],
    key: usize,
}

const COPIED: &[Copied] = &[
    Copied {
        name: "meta",
        columns: &["name", "value"],
        key: 1,
    },
    Copied {
        name: "data_keys",
        columns: &["owner", "wrapped", "destroyed_at"],
        key: 1,
    },
    Copied {
        name: "vault",
        columns: &["owner", "reference", "sealed"],
        key: 2,
    },
    Copied {
        name: "workspace",
        columns: &["agent_id", "path", "sealed"],
        key: 2,
    },
    Copied {
        name: "idempotency",
        columns: &[
            "scope",
            "key",
            "fingerprint",
            "answer",
            "subject",
            "position",
            "recorded_at",
        ],
        key: 2,
    },
    Copied {
        name: "checkpoints",
        columns: &["name", "position"],
        key: 1,
    },
    Copied {
        name: "parked",
        columns: &[
            "manager",
            "key",
            "position",
            "step",
            "error",
            "attempts",
            "parked_at",
        ],
        key: 4,
    },
    Copied {
        name: "webhook_tracks",
        columns: &["webhook_id", "started", "cursor", "until", "behind"],
        key: 2,
    },
    Copied {
        name: "webhook_health",
        columns: &[
            "webhook_id",
            "attempts",
            "failures_in_row",
            "failing_since",
            "in_trouble",
        ],
        key: 1,
    },
    Copied {
        name: "webhook_retries",
        columns: &["webhook_id", "position", "tries", "due_at", "always", "outcome"],
        key: 2,
    },
];

/// What the first line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHeader {
    /// Version of the form.
    pub reef_backup: u32,
    /// Position of the last event.
    pub position: u64,
    /// Root hash over the events' leaf hashes, hexadecimal.
    pub root: String,
    /// When the last event was recorded, microseconds since 1970.
    pub recorded_at_us: i64,
    /// How many records follow.
    pub records: u64,
    /// Version and digest (hexadecimal) of each view's documents, by name.
    pub views: BTreeMap<String, (u32, String)>,
}

/// A value of a copied row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Cell {
    Nothing(()),
    Int(i64),
    Text(String),
    Bytes { base64: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Event(EventRecord),
    Row { table: String, values: Vec<Cell> },
    End { records: u64 },
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// How many events came back.
    pub events: u64,
    /// How many records in all.
    pub records: u64,
    /// Views whose rebuilt documents are byte for byte those of the backup.
    pub equal_views: Vec<String>,
    /// Views that the backup has at another version: they were rebuilt, but cannot be compared.
    pub other_views: Vec<String>,
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Int(Some(number)) => Cell::Int(number),
        Value::Text(Some(text)) => Cell::Text(text),
        Value::Bytes(Some(bytes)) => Cell::Bytes {
            base64: BASE64.encode(bytes),
        },
        Value::Int(None) | Value::Text(None) | Value::Bytes(None) => Cell::Nothing(()),
    }
}

fn value(table: &Copied, column: usize, cell: Cell) -> Result<Value, StoreError> {
    Ok(match cell {
        Cell::Int(number) => Value::Int(Some(number)),
        Cell::Text(text) => Value::Text(Some(text)),
        Cell::Bytes { base64 } => Value::Bytes(Some(BASE64.decode(base64).map_err(|error| damaged(&error))?)),
        // PostgreSQL wants to know what is absent.
        Cell::Nothing(()) if table.columns[column] == "wrapped" => Value::Bytes(None),
        Cell::Nothing(()) => Value::Int(None),
    })
}

fn damaged(reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Backup(reason.to_string())
}

async fn count(snapshot: &mut Snapshot, table: &str) -> Result<u64, StoreError> {
    let rows = snapshot
        .fetch(Statement::new(format!("SELECT count(*) FROM {table}"), vec![]))
        .await?;
    Ok(rows.first().map_or(0, |row| row.number(0)))
}

/// Checks the log in a backup without a database, also against root hashes kept elsewhere.
pub fn verify_backup(
    path: &Path,
    kept: impl IntoIterator<Item = (u64, Hash)>,
) -> Result<Verdict, StoreError> {
    let mut lines = BufReader::new(File::open(path)?).lines();
    let first = lines.next().ok_or_else(|| damaged(&"it is empty"))??;
    let header: BackupHeader = serde_json::from_str(&first).map_err(|error| damaged(&error))?;
    let mut root = [0; 32];
    hex::decode_to_slice(&header.root, &mut root).map_err(|error| damaged(&error))?;
    let mut verifier = Verifier::new(kept.into_iter().chain([(header.position, root)]));
    for line in lines {
        match serde_json::from_str(&line?).map_err(|error| damaged(&error))? {
            Record::Event(event) => {
                if let Err(fault) = verifier.push(&event) {
                    return Ok(Err(fault));
                }
            }
            Record::Row { .. } | Record::End { .. } => {}
        }
    }
    Ok(verifier.finish())
}
