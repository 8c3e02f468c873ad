//! Writing a backup.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use reef_commands::ports::LogError;
use serde::Serialize;

use super::{BackupHeader, COPIED, Copied, FORM, PAGE, Record, cell, count};
use crate::{
    Store, StoreError,
    db::Snapshot,
    merkle::Frontier,
    sql::{Row, Statement, Value},
};

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
