//! The event log as the command side sees it.

use std::{fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reef_commands::ports::{Append, Appended, EventLog, EventQuery, Head, Idempotent, LogError, StreamKey};
use reef_domain::Envelope;
use tokio::sync::{oneshot, watch};

use crate::{
    Store,
    db::Db,
    merkle::Frontier,
    plan::Entry,
    record::Canonical,
    sql::{Dialect, Statement, Value, to_db},
    sqlite::Job,
};

fn decode(event: Canonical<'_>, _leaf: &[u8]) -> Result<Arc<Envelope>, LogError> {
    event.envelope().map(Arc::new)
}

const INFALLIBLE: &str = "writing to a string cannot fail";

/// The part of the statement after the table's name.
fn tail_of(query: &EventQuery) -> (String, Vec<Value>) {
    let mut args = vec![Value::from(query.after)];
    let mut tail = "WHERE position > $1".to_owned();
    let mut and = |condition: &str, value: Value| {
        args.push(value);
        write!(tail, " AND {condition} ${}", args.len()).expect(INFALLIBLE);
    };
    if let Some(until) = query.until {
        and("position <=", until.into());
    }
    if let Some(account) = &query.account_id {
        and("account_id =", account.as_str().into());
    }
    if let Some(kind) = &query.aggregate_type {
        and("aggregate_type =", kind.as_str().into());
    }
    if let Some(id) = &query.aggregate_id {
        and("aggregate_id =", id.as_str().into());
    }
    if !query.types.is_empty() {
        let first = args.len() + 1;
        args.extend(query.types.iter().map(|name| Value::from(name.as_str())));
        let names: Vec<String> = (first..=args.len())
            .map(|parameter| format!("${parameter}"))
            .collect();
        write!(tail, " AND event_type IN ({})", names.join(", ")).expect(INFALLIBLE);
    }
    args.push(query.limit.into());
    write!(tail, " ORDER BY position LIMIT ${}", args.len()).expect(INFALLIBLE);
    (tail, args)
}

#[async_trait]
impl EventLog for Store {
    async fn append(&self, append: Append) -> Result<Appended, LogError> {
        check_storable(&append)?;
        let (reply, answer) = oneshot::channel();
        let entry = Entry {
            append,
            reply,
            failure: None,
        };
        match &self.0.db {
            Db::Sqlite(db) => {
                let writer = db.writer.as_ref().ok_or_else(read_only)?;
                writer.send(Job::Append(Box::new(entry))).await?;
            }
            Db::Postgres { writer, .. } => writer.as_ref().ok_or_else(read_only)?.send(entry).await?,
        }
        let stopped = |_| LogError::Unavailable {
            reason: "the writer has stopped".to_owned(),
            unknown: true,
        };
        answer.await.map_err(stopped)?
    }

    async fn stream(&self, key: &StreamKey, after: u64, limit: u32) -> Result<Vec<Arc<Envelope>>, LogError> {
        if key.aggregate_id.contains('\0') || self.0.shared.ends_at(key, after) {
            return Ok(Vec::new());
        }
        let tail =
            "WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4";
        let args = vec![
            key.aggregate_type.into(),
            (&*key.aggregate_id).into(),
            after.into(),
            limit.into(),
        ];
        self.0.db.events(tail, args, decode).await
    }

    async fn read(&self, query: &EventQuery) -> Result<Vec<Arc<Envelope>>, LogError> {
        let head = *self.0.shared.head.borrow();
        // Opened for reading only there is no writer that would fill the ring.
        let found = if self.0.read_only {
            None
        } else {
            self.0.shared.recent.read(query, head)
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let texts = query
            .types
            .iter()
            .chain(&query.aggregate_type)
            .chain(&query.aggregate_id);
        if texts.into_iter().any(|text| text.contains('\0')) {
            return Ok(Vec::new());
        }
        let (tail, args) = tail_of(query);
        self.0.db.events(&tail, args, decode).await
    }

    async fn position_at(&self, at: DateTime<Utc>) -> Result<u64, LogError> {
        let at_us = at.timestamp_micros();
        let head = self.end().await?.0;
        // Times never decrease with the position: a search by halves needs no index.
        let (mut known_before, mut after) = (0, head + 1);
        while after - known_before > 1 {
            let middle = known_before + (after - known_before) / 2;
            let sql = "SELECT recorded_at FROM events WHERE position = $1";
            let rows = self.0.db.fetch(Statement::new(sql, vec![middle.into()])).await?;
            let row = rows
                .first()
                .ok_or_else(|| LogError::Corrupt(format!("event {middle} is missing")))?;
            if row.int(0) <= at_us {
                known_before = middle;
            } else {
                after = middle;
            }
        }
        Ok(known_before)
    }

    async fn head(&self) -> Result<Head, LogError> {
        let (position, frontier) = self.end().await?;
        Ok(Head {
            position,
            root: frontier.root(),
        })
    }

    async fn leaves(&self, from: u64, to: u64) -> Result<Vec<[u8; 32]>, LogError> {
        let sql = "SELECT leaf_hash FROM events WHERE position BETWEEN $1 AND $2 ORDER BY position";
        let rows = self
            .0
            .db
            .fetch(Statement::new(sql, vec![from.into(), to.into()]))
            .await?;
        let corrupt = || LogError::Corrupt("a leaf hash has another length".to_owned());
        rows.into_iter()
            .map(|mut row| row.bytes(0).try_into().map_err(|_| corrupt()))
            .collect()
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.0.shared.head.subscribe()
    }

    async fn idempotent(&self, scope: &str, key: &str) -> Result<Option<Idempotent>, LogError> {
        if scope.contains('\0') || key.contains('\0') {
            return Ok(None);
        }
        let sql = "SELECT fingerprint, answer, position FROM idempotency WHERE scope = $1 AND key = $2";
        let mut rows = self
            .0
            .db
            .fetch(Statement::new(sql, vec![scope.into(), key.into()]))
            .await?;
        let Some(row) = rows.first_mut() else {
            return Ok(None);
        };
        let fingerprint = row.bytes(0).try_into();
        let fingerprint =
            fingerprint.map_err(|_| LogError::Corrupt("a fingerprint has another length".to_owned()))?;
        Ok(Some(Idempotent {
            fingerprint,
            answer: row.bytes(1),
            position: row.number(2),
        }))
    }

    async fn forget_idempotent(
        &self,
        subject: Option<&str>,
        before: Option<DateTime<Utc>>,
    ) -> Result<u64, LogError> {
        let mut statements = Vec::new();
        if let Some(subject) = subject.filter(|subject| !subject.is_empty()) {
            // The second condition lets the index be used.
            let sql = "DELETE FROM idempotency WHERE subject = $1 AND subject <> ''";
            statements.push(Statement::new(sql, vec![subject.into()]));
        }
        if let Some(before) = before {
            let args = vec![before.timestamp_micros().into()];
            statements.push(Statement::new(
                "DELETE FROM idempotency WHERE recorded_at < $1",
                args,
            ));
        }
        if statements.is_empty() {
            return Ok(0);
        }
        let outcomes = self.0.db.write(statements).await?;
        Ok(outcomes.iter().map(|outcome| outcome.affected).sum())
    }
}

/// PostgreSQL's text holds no NUL; what one database refuses, both refuse.
fn check_storable(append: &Append) -> Result<(), LogError> {
    let ids = append.streams.iter().map(|stream| &*stream.key.aggregate_id);
    let keys = append
        .idempotency
        .iter()
        .flat_map(|record| [&*record.scope, &*record.key, &*record.subject]);
    match ids.chain(keys).find(|text| text.contains('\0')) {
        Some(text) => Err(LogError::Corrupt(format!(
            "{text:?} holds a NUL character and cannot be stored"
        ))),
        None => Ok(()),
    }
}

fn read_only() -> LogError {
    LogError::Unavailable {
        reason: "the database was opened for reading only".to_owned(),
        unknown: false,
    }
}

impl Store {
    /// The end of the log: as this process knows it where it alone writes, else as the database does.
    async fn end(&self) -> Result<(u64, Frontier), LogError> {
        if self.0.db.dialect() == Dialect::Sqlite && !self.0.read_only {
            let state = self.0.shared.state.read();
            return Ok((state.position, state.frontier.clone()));
        }
        let sql = "SELECT position, frontier FROM log_head WHERE id = 1";
        let mut rows = self.0.db.fetch(Statement::new(sql, vec![])).await?;
        let row = rows
            .first_mut()
            .ok_or_else(|| LogError::Corrupt("log_head is empty".to_owned()))?;
        let position = row.number(0);
        let frontier = Frontier::from_bytes(position, &row.bytes(1))
            .ok_or_else(|| LogError::Corrupt("the frontier does not fit the head".to_owned()))?;
        Ok((position, frontier))
    }

    /// Every event from `after` on as it is stored, at most `limit`: for exports and verification.
    pub async fn records(&self, after: u64, limit: u32) -> Result<Vec<crate::EventRecord>, LogError> {
        let args = vec![to_db(after).into(), limit.into()];
        let tail = "WHERE position > $1 ORDER BY position LIMIT $2";
        self.0
            .db
            .events(tail, args, |event, leaf| Ok(event.record(leaf)))
            .await
    }
}
