//! Filling an empty database from a backup.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use reef_commands::ports::Views;

use super::{BackupHeader, COPIED, Cell, FORM, PAGE, RESTORING, Record, Restored, count, damaged, value};
use crate::{
    EventRecord, Store, StoreError,
    memory::HeadState,
    merkle::Frontier,
    sql::{Statement, Value},
    verify::Verifier,
};

impl Store {
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
