//! Backups: everything that cannot be rebuilt, as one JSON value per line.
//!
//! The first line is the header, the last says how many records there were; between them are the events
//! as stored, and the rows of the other tables. Leases are left out (they mean running processes), views
//! are rebuilt from the events and compared with the digests in the header. Data keys are wrapped: a
//! backup opens only with the master key.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use reef_commands::ports::{LogError, Views};
use serde::{Deserialize, Serialize};

use crate::{
    EventRecord, Store, StoreError,
    db::Snapshot,
    merkle::{Frontier, Hash},
    plan::HeadState,
    sql::{Row, Statement, Value},
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

struct Sink<'a> {
    out: BufWriter<File>,
    done: u64,
    total: u64,
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
}

impl Sink<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), StoreError> {
        serde_json::to_writer(&mut self.out, value).map_err(std::io::Error::from)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), StoreError> {
        self.line(record)?;
        self.done += 1;
        Ok(())
    }

    fn tell(&mut self) {
        (self.progress)(self.done, self.total);
    }
}

async fn count(snapshot: &mut Snapshot, table: &str) -> Result<u64, StoreError> {
    let rows = snapshot
        .fetch(Statement::new(format!("SELECT count(*) FROM {table}"), vec![]))
        .await?;
    Ok(rows.first().map_or(0, |row| row.number(0)))
}

/// The page of a copied table after the given key.
fn page_of(table: &Copied, after: &[Value]) -> Statement {
    let columns = table.columns.join(", ");
    let key = table.columns[..table.key].join(", ");
    let filter = if after.is_empty() {
        String::new()
    } else {
        let places: Vec<String> = (1..=after.len()).map(|place| format!("${place}")).collect();
        format!("WHERE ({key}) > ({})", places.join(", "))
    };
    let sql = format!(
        "SELECT {columns} FROM {} {filter} ORDER BY {key} LIMIT {PAGE}",
        table.name
    );
    Statement::new(sql, after.to_vec())
}

impl Store {
    /// Writes everything that cannot be rebuilt to a new file, as of one moment; appends go on meanwhile.
    /// `progress` is told how many records were written, and of how many.
    pub async fn export_backup(
        &self,
        path: &Path,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<BackupHeader, StoreError> {
        let mut snapshot = self.0.db.snapshot().await?;
        let header = self.backup_header(&mut snapshot).await?;
        let out = BufWriter::new(File::create_new(path)?);
        let mut sink = Sink {
            out,
            done: 0,
            total: header.records,
            progress: &mut progress,
        };
        sink.line(&header)?;
        export_events(&mut snapshot, &mut sink).await?;
        for table in COPIED {
            export_table(&mut snapshot, table, &mut sink).await?;
        }
        if sink.done != header.records {
            return Err(StoreError::Backup(format!(
                "{} records, not {}",
                sink.done, header.records
            )));
        }
        sink.line(&Record::End { records: sink.done })?;
        sink.tell();
        let file = sink
            .out
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(header)
    }

    async fn backup_header(&self, snapshot: &mut Snapshot) -> Result<BackupHeader, StoreError> {
        let sql = "SELECT position, frontier, recorded_at FROM log_head WHERE id = 1";
        let mut rows = snapshot.fetch(Statement::new(sql, vec![])).await?;
        let corrupt = || LogError::Corrupt("the head cannot be read".to_owned());
        let row = rows.first_mut().ok_or_else(corrupt)?;
        let position = row.number(0);
        let frontier = Frontier::from_bytes(position, &row.bytes(1)).ok_or_else(corrupt)?;
        let mut records = count(snapshot, "events").await?;
        for table in COPIED {
            records += count(snapshot, table.name).await?;
        }
        let mut views = BTreeMap::new();
        for (index, view) in (0..).zip(self.0.shared.views.views.iter()) {
            let digest = hex::encode(self.digest_in(snapshot, index).await?);
            views.insert(view.name().to_owned(), (view.version(), digest));
        }
        let recorded_at_us = row.int(2);
        Ok(BackupHeader {
            reef_backup: FORM,
            position,
            root: hex::encode(frontier.root()),
            recorded_at_us,
            records,
            views,
        })
    }

    /// Fills an empty database from a backup, checks every hash, rebuilds the views and compares them
    /// with the backup's. A restore that failed leaves a database that cannot be opened: throw it away.
    pub async fn import_backup(
        &self,
        path: &Path,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Restored, StoreError> {
        self.check_empty().await?;
        let mut lines = BufReader::new(File::open(path)?).lines();
        let first = lines.next().ok_or_else(|| damaged(&"it is empty"))??;
        let header: BackupHeader = serde_json::from_str(&first).map_err(|error| damaged(&error))?;
        if header.reef_backup != FORM {
            return Err(damaged(&format!("form {} is unknown", header.reef_backup)));
        }
        self.0
            .db
            .write_one("INSERT INTO meta (name, value) VALUES ($1, $2)", mark())
            .await?;
        let mut import = Import {
            store: self,
            header: &header,
            verifier: Verifier::default(),
            last: None,
            done: 0,
        };
        import.run(lines, &mut progress).await?;
        let Import {
            verifier, last, done, ..
        } = import;
        let verified = verifier.finish().map_err(|fault| damaged(&fault))?;
        if (verified.size, hex::encode(verified.root)) != (header.position, header.root.clone()) {
            return Err(damaged(
                &"the events do not have the root hash that the header says",
            ));
        }
        self.adopt(&header, last).await?;
        self.rebuild(&[]).await?;
        let restored = self.compare(&header, done).await?;
        self.0
            .db
            .write_one("DELETE FROM meta WHERE name = $1", vec![RESTORING.into()])
            .await?;
        Ok(restored)
    }

    async fn check_empty(&self) -> Result<(), StoreError> {
        let mut snapshot = self.0.db.snapshot().await?;
        for table in [
            "events",
            "data_keys",
            "vault",
            "workspace",
            "idempotency",
            "parked",
        ] {
            if count(&mut snapshot, table).await? > 0 {
                return Err(StoreError::NotEmpty);
            }
        }
        Ok(())
    }

    /// Refuses a database whose restore was interrupted.
    pub(crate) async fn check_restored(&self) -> Result<(), StoreError> {
        let sql = "SELECT name FROM meta WHERE name = $1";
        if self
            .0
            .db
            .fetch(Statement::new(sql, vec![RESTORING.into()]))
            .await?
            .is_empty()
        {
            return Ok(());
        }
        Err(StoreError::Schema(
            "a restore into this database was interrupted: restore into a new one".to_owned(),
        ))
    }

    /// Makes the imported events the log.
    async fn adopt(&self, header: &BackupHeader, frontier: Option<Frontier>) -> Result<(), StoreError> {
        let frontier = frontier.unwrap_or_default();
        let sql = "UPDATE log_head SET revision = revision + 1, position = $1, frontier = $2, recorded_at = $3 \
                   WHERE id = 1";
        let args = vec![
            header.position.into(),
            frontier.to_bytes().into(),
            header.recorded_at_us.into(),
        ];
        self.0.db.write_one(sql, args).await?;
        let state = HeadState {
            position: header.position,
            frontier,
            recorded_at_us: header.recorded_at_us,
            ..HeadState::default()
        };
        self.0.shared.start_at(&state);
        self.resync().await
    }

    async fn compare(&self, header: &BackupHeader, records: u64) -> Result<Restored, StoreError> {
        let mut restored = Restored {
            events: header.position,
            records,
            equal_views: Vec::new(),
            other_views: Vec::new(),
        };
        for view in self.0.shared.views.views.iter() {
            let name = view.name().to_owned();
            match header.views.get(&name) {
                Some((version, digest)) if *version == view.version() => {
                    if hex::encode(self.digest(&name).await?) != *digest {
                        return Err(damaged(&format!("view {name} was rebuilt to other documents")));
                    }
                    restored.equal_views.push(name);
                }
                _ => restored.other_views.push(name),
            }
        }
        Ok(restored)
    }
}

fn mark() -> Vec<Value> {
    vec![RESTORING.into(), Vec::<u8>::new().into()]
}

async fn export_events(snapshot: &mut Snapshot, sink: &mut Sink<'_>) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let tail = "WHERE position > $1 ORDER BY position LIMIT $2";
        let args = vec![Value::from(after), Value::from(PAGE as u64)];
        let records = snapshot
            .events(tail, args, |event, leaf| Ok(event.record(leaf)))
            .await?;
        let full = records.len() == PAGE;
        for record in records {
            after = record.position;
            sink.record(&Record::Event(record))?;
        }
        sink.tell();
        if !full {
            return Ok(());
        }
    }
}

async fn export_table(
    snapshot: &mut Snapshot,
    table: &Copied,
    sink: &mut Sink<'_>,
) -> Result<(), StoreError> {
    let mut after: Vec<Value> = Vec::new();
    loop {
        let rows = snapshot.fetch(page_of(table, &after)).await?;
        let full = rows.len() == PAGE;
        for Row(values) in rows {
            after = values[..table.key].to_vec();
            let values = values.into_iter().map(cell).collect();
            sink.record(&Record::Row {
                table: table.name.to_owned(),
                values,
            })?;
        }
        sink.tell();
        if !full {
            return Ok(());
        }
    }
}

struct Import<'a> {
    store: &'a Store,
    header: &'a BackupHeader,
    verifier: Verifier,
    /// Frontier of the tree over the events so far.
    last: Option<Frontier>,
    done: u64,
}

impl Import<'_> {
    async fn run(
        &mut self,
        lines: impl Iterator<Item = std::io::Result<String>>,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<(), StoreError> {
        let mut events = Vec::new();
        let mut rows: Vec<Statement> = Vec::new();
        let mut ended = false;
        for line in lines {
            if ended {
                return Err(damaged(&"records follow its end"));
            }
            match serde_json::from_str(&line?).map_err(|error| damaged(&error))? {
                Record::Event(event) => events.push(event),
                Record::Row { table, values } => rows.extend(self.row(&table, values)?),
                Record::End { records } => {
                    if records != self.done || records != self.header.records {
                        return Err(damaged(&"records are missing"));
                    }
                    ended = true;
                    continue;
                }
            }
            self.done += 1;
            if events.len() == PAGE || rows.len() == PAGE {
                self.flush(&mut events, &mut rows).await?;
                progress(self.done, self.header.records);
            }
        }
        if !ended {
            return Err(damaged(&"it breaks off"));
        }
        self.flush(&mut events, &mut rows).await?;
        progress(self.done, self.header.records);
        Ok(())
    }

    fn row(&self, table: &str, cells: Vec<Cell>) -> Result<Option<Statement>, StoreError> {
        let table = COPIED.iter().find(|copied| copied.name == table);
        let table = table.ok_or_else(|| damaged(&"it has a table that is unknown"))?;
        if cells.len() != table.columns.len() {
            return Err(damaged(&format!(
                "a row of {} has {} columns",
                table.name,
                cells.len()
            )));
        }
        let values = cells
            .into_iter()
            .enumerate()
            .map(|(column, cell)| value(table, column, cell));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        if table.name == "meta" {
            return self.store.check_meta(&values).map(|()| None);
        }
        let places: Vec<String> = (1..=values.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            table.name,
            table.columns.join(", "),
            places.join(", ")
        );
        Ok(Some(Statement::new(sql, values)))
    }

    async fn flush(
        &mut self,
        events: &mut Vec<EventRecord>,
        rows: &mut Vec<Statement>,
    ) -> Result<(), StoreError> {
        if !events.is_empty() {
            let frontier = self.last.get_or_insert_default();
            for event in &*events {
                self.verifier.push(event).map_err(|fault| damaged(&fault))?;
                frontier.append(event.leaf_hash);
            }
            rows.push(insert_events(self.store, std::mem::take(events)));
        }
        if !rows.is_empty() {
            self.store.0.db.write(std::mem::take(rows)).await?;
        }
        Ok(())
    }
}

/// One statement for all of them.
fn insert_events(store: &Store, events: Vec<EventRecord>) -> Statement {
    let dialect = store.0.db.dialect();
    let mut args = Vec::with_capacity(events.len() * 11);
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let first = args.len() + 1;
        args.extend([
            event.position.into(),
            event.aggregate_type.into(),
            (&*event.aggregate_id).into(),
            event.sequence.into(),
            event.event_type.into(),
            event.event_version.into(),
            (&*event.payload).into(),
            event.metadata.into(),
            event.account_id.into(),
            event.recorded_at_us.into(),
            Value::Bytes(Some(event.leaf_hash.to_vec())),
        ]);
        let places = (first..first + 11).map(|place| match place - first {
            6 | 7 => dialect.json_in(place),
            _ => format!("${place}"),
        });
        rows.push(format!("({})", places.collect::<Vec<_>>().join(", ")));
    }
    let sql = format!(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
         metadata, account_id, recorded_at, leaf_hash) VALUES {}",
        rows.join(", ")
    );
    Statement::new(sql, args)
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
