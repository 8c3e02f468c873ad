//! One transaction of the writer: sequences checked, events, documents, idempotency records and head.

use reef_commands::ports::LogError;
use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    SqliteWriter, Work,
    documents::{load_children, load_docs, write_changes},
    run,
};
use crate::{
    docs::Layout,
    fold::{Change, Overlay},
    memory::{HeadState, Known, Memory},
    merkle::Frontier,
    plan::{self, Entry, Plan, fail_all},
    shared::Shared,
    sql::{DbError, Outcome, from_db, to_db},
};

/// Why a transaction did not happen.
enum Failure {
    /// Something that was taken for new is there already: look everything up and try again.
    Duplicate,
    /// The database refused a statement; perhaps only one append is to blame.
    Statement(LogError),
    /// The commit itself failed.
    Commit(LogError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        DbError::from(error).into()
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Duplicate(_) => Self::Duplicate,
            DbError::Gone(_) | DbError::NoTable(_) | DbError::Refused(_) => Self::Statement(error.into()),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Statement(error)
    }
}

struct Committed {
    plan: Plan,
    changes: Vec<Change>,
    works: Vec<Result<Vec<Outcome>, DbError>>,
}

/// Reads the end of the log.
pub(crate) fn read_head(conn: &Connection) -> Result<HeadState, LogError> {
    let sql = "SELECT revision, position, frontier, recorded_at, layout FROM log_head WHERE id = 1";
    let (revision, position, frontier, recorded_at_us, layout) = conn
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    row.get::<_, i64>(3)?,
                    row.get::<_, i64>(4)?,
                ))
            })
        })
        .map_err(|error| LogError::from(DbError::from(error)))?;
    let position = from_db(position);
    let frontier = Frontier::from_bytes(position, &frontier)
        .ok_or_else(|| LogError::Corrupt("the frontier does not fit the head".to_owned()))?;
    Ok(HeadState {
        revision,
        position,
        frontier,
        recorded_at_us,
        layout,
    })
}

impl SqliteWriter {
    /// Commits a batch and answers everybody in it.
    pub(super) fn commit(&mut self, mut batch: Vec<Entry>, works: Vec<Work>) {
        let first = self.attempt(&mut batch, &works, true);
        let outcome = match first {
            Err(Failure::Duplicate) => self.attempt(&mut batch, &works, false),
            Ok(_) | Err(Failure::Statement(_) | Failure::Commit(_)) => first,
        };
        match outcome {
            Ok(committed) => self.publish(batch, works, committed),
            Err(Failure::Statement(_) | Failure::Duplicate) if batch.len() + works.len() > 1 => {
                // Somebody's values are to blame: only theirs is to fail.
                for entry in batch {
                    self.commit(vec![entry], Vec::new());
                }
                for work in works {
                    self.commit(Vec::new(), vec![work]);
                }
            }
            Err(Failure::Duplicate) => {
                Self::refuse(batch, works, &LogError::Conflict("the log".to_owned()));
            }
            Err(Failure::Statement(error) | Failure::Commit(error)) => Self::refuse(batch, works, &error),
        }
    }

    fn refuse(batch: Vec<Entry>, works: Vec<Work>, error: &LogError) {
        tracing::error!(%error, "a transaction failed");
        fail_all(batch, error);
        for work in works {
            drop(work.reply.send(Err(DbError::Refused(error.to_string()))));
        }
    }

    fn publish(&mut self, batch: Vec<Entry>, works: Vec<Work>, committed: Committed) {
        let Committed {
            plan,
            changes,
            works: outcomes,
        } = committed;
        if !plan.is_empty() {
            self.memory.committed(&plan.head, &plan.sequences);
            self.shared.publish(&plan, &changes);
        }
        plan.answer(batch);
        for (work, outcome) in works.into_iter().zip(outcomes) {
            drop(work.reply.send(outcome));
        }
    }

    /// Tries the whole batch in one transaction. On failure the batch is as it was before, and nothing
    /// remembered is trusted any more.
    fn attempt(&mut self, batch: &mut [Entry], works: &[Work], trusting: bool) -> Result<Committed, Failure> {
        let mut undo = None;
        let result = self.transact(batch, works, trusting, &mut undo);
        if let Err(failure) = &result {
            if let Some(plan) = undo {
                plan.undo(batch);
            }
            if let Err(error) = self.resync() {
                tracing::error!(%error, "the head could not be read after a failure");
                if !matches!(failure, Failure::Commit(_)) {
                    return Err(Failure::Commit(error));
                }
            }
        }
        result
    }

    fn transact(
        &mut self,
        batch: &mut [Entry],
        works: &[Work],
        trusting: bool,
        undo: &mut Option<Plan>,
    ) -> Result<Committed, Failure> {
        let Self { conn, memory, shared } = self;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = look_up(&tx, memory, batch, trusting)?;
        let layout = shared.views.layout();
        let (plan, changes) = fold(&tx, batch, memory, &known, shared, &layout)?;
        let plan = undo.insert(plan);
        if !plan.is_empty() {
            write_events(&tx, plan)?;
            write_changes(&tx, &layout, &changes)?;
            write_idempotency(&tx, batch, plan, shared.now_us())?;
            write_head(&tx, &plan.head)?;
        }
        let outcomes = works.iter().map(|work| run_work(&tx, work)).collect();
        let commit_failed = |error: rusqlite::Error| {
            Failure::Commit(LogError::Unavailable {
                reason: error.to_string(),
                unknown: true,
            })
        };
        if plan.is_empty() && works.is_empty() {
            tx.rollback().map_err(commit_failed)?;
        } else {
            tx.commit().map_err(commit_failed)?;
        }
        let plan = undo
            .take()
            .ok_or_else(|| LogError::Corrupt("no plan".to_owned()))?;
        Ok(Committed {
            plan,
            changes,
            works: outcomes,
        })
    }
}

/// Runs one piece of work in a savepoint: when it fails, it fails alone.
fn run_work(conn: &Connection, work: &Work) -> Result<Vec<Outcome>, DbError> {
    conn.execute_batch("SAVEPOINT work")?;
    let outcome = work
        .statements
        .iter()
        .map(|statement| run(conn, statement))
        .collect::<Result<Vec<_>, _>>();
    conn.execute_batch(if outcome.is_ok() {
        "RELEASE work"
    } else {
        "ROLLBACK TO work; RELEASE work"
    })?;
    outcome
}

fn look_up(conn: &Connection, memory: &Memory, batch: &[Entry], trusting: bool) -> Result<Known, Failure> {
    let mut known = Known::default();
    let mut last = conn.prepare_cached(
        "SELECT sequence FROM events WHERE aggregate_type = ?1 AND aggregate_id = ?2 ORDER BY sequence DESC LIMIT 1",
    )?;
    for key in memory.unknown_streams(batch, trusting) {
        let mut rows = last.query(params![key.aggregate_type, &*key.aggregate_id])?;
        let sequence = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?;
        drop(rows);
        known.sequences.insert(key, from_db(sequence.unwrap_or(0)));
    }
    if !trusting {
        let mut used = conn.prepare_cached("SELECT 1 FROM idempotency WHERE scope = ?1 AND key = ?2")?;
        for record in batch.iter().filter_map(|entry| entry.append.idempotency.as_ref()) {
            if used.exists(params![record.scope, record.key])? {
                known.used_keys.insert((record.scope.clone(), record.key.clone()));
            }
        }
    }
    Ok(known)
}

/// Plans the batch and folds its events into documents.
fn fold(
    conn: &Connection,
    batch: &mut [Entry],
    memory: &Memory,
    known: &Known,
    shared: &Shared,
    layout: &Layout,
) -> Result<(Plan, Vec<Change>), Failure> {
    loop {
        let plan = plan::plan(batch, memory, known, &shared.views, layout, shared.clock.now());
        let mut overlay = Overlay::default();
        let envelope = |event| plan.envelope(event);
        let needs = overlay.needs(&shared.views, Some(&shared.docs), &plan.touches, envelope);
        let loaded = load_docs(conn, &shared.views, layout, &needs);
        let loaded = loaded.and_then(|docs| Ok((docs, load_children(conn, layout, &needs)?)));
        let (docs, children) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                plan.undo(batch);
                return Err(error.into());
            }
        };
        overlay.supply(docs);
        match overlay.fold(&shared.views, &plan.touches, &children, envelope) {
            Err(failure) => plan::reject(plan, batch, failure),
            Ok(()) => match overlay.changes(&shared.views) {
                Ok(changes) => return Ok((plan, changes)),
                Err(reason) => {
                    plan.undo(batch);
                    return Err(LogError::Corrupt(reason).into());
                }
            },
        }
    }
}

fn write_events(conn: &Connection, plan: &Plan) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
         payload, metadata, account_id, recorded_at, leaf_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for event in &plan.events {
        let envelope = &event.envelope;
        insert.execute(params![
            to_db(envelope.position),
            envelope.aggregate_type,
            &*envelope.aggregate_id,
            to_db(envelope.sequence),
            envelope.event.event_type(),
            plan::version_text(envelope.event.event_version()),
            &*envelope.payload,
            event.metadata_json,
            envelope.account_id.as_ref().map(reef_domain::AccountId::as_str),
            envelope.recorded_at.timestamp_micros(),
            &event.leaf[..],
        ])?;
    }
    Ok(())
}

fn write_idempotency(conn: &Connection, batch: &[Entry], plan: &Plan, now_us: i64) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO idempotency (scope, key, fingerprint, answer, subject, position, recorded_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (record, position) in plan.idempotency(batch) {
        insert.execute(params![
            record.scope,
            record.key,
            &record.fingerprint[..],
            record.answer,
            record.subject,
            to_db(position),
            now_us,
        ])?;
    }
    Ok(())
}

fn write_head(conn: &Connection, head: &HeadState) -> Result<(), Failure> {
    let mut update = conn.prepare_cached(
        "UPDATE log_head SET revision = ?1, position = ?2, frontier = ?3, recorded_at = ?4 WHERE id = 1",
    )?;
    update.execute(params![
        head.revision,
        to_db(head.position),
        head.frontier.to_bytes(),
        head.recorded_at_us
    ])?;
    Ok(())
}
