//! Committing one batch: optimistically in one statement, or under the head's lock.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use reef_commands::ports::LogError;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row as _};

use super::{batch::Builder, run, run_rows};
use crate::{
    docs::{Layout, StoredDoc, ViewSet},
    fold::{Change, Needs, Overlay},
    merkle::Frontier,
    plan::{self, Entry, HeadState, Known, Memory, Plan},
    shared::Shared,
    sql::{DbError, Dialect, Statement, Value, from_db},
    tables::{doc_columns, stored_doc_of},
};

/// What became of a batch.
pub(crate) enum Swap {
    Done(Box<Plan>, Vec<Change>),
    /// Another node wrote meanwhile; nothing was stored.
    Lost,
}

/// Why a batch was not committed.
pub(crate) enum Failure {
    /// The connection was lost before anything could be committed.
    Gone(String),
    /// The connection was lost in the very moment of committing: this may be stored.
    Unknown {
        reason: String,
        plan: Plan,
        changes: Vec<Change>,
    },
    /// The database refused; perhaps only one append is to blame.
    Refused(LogError),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Gone(reason) => Self::Gone(reason),
            DbError::Duplicate(_) => Self::Refused(LogError::Conflict("the log".to_owned())),
            DbError::NoTable(_) | DbError::Refused(_) => Self::Refused(error.into()),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Refused(error)
    }
}

/// Reads the end of the log; `lock` keeps others from moving it until the transaction ends.
pub(crate) async fn read_head(conn: &mut PgConnection, lock: bool) -> Result<HeadState, LogError> {
    let sql = if lock {
        "SELECT revision, position, frontier, recorded_at, layout FROM log_head WHERE id = 1 FOR UPDATE"
    } else {
        "SELECT revision, position, frontier, recorded_at, layout FROM log_head WHERE id = 1"
    };
    let mut outcome = run(conn, &Statement::new(sql, vec![])).await?;
    let row = outcome
        .rows
        .first_mut()
        .ok_or_else(|| LogError::Corrupt("log_head is empty".to_owned()))?;
    let position = row.number(1);
    let frontier = Frontier::from_bytes(position, &row.bytes(2))
        .ok_or_else(|| LogError::Corrupt("the frontier does not fit the head".to_owned()))?;
    Ok(HeadState {
        revision: row.int(0),
        position,
        frontier,
        recorded_at_us: row.int(3),
        layout: row.int(4),
    })
}

/// Reads which tables serve the views.
pub(crate) async fn read_registry(
    conn: &mut PgConnection,
    views: &ViewSet,
    number: i64,
) -> Result<Layout, DbError> {
    let sql = "SELECT name, version, table_name FROM view_registry ORDER BY name";
    let outcome = run(conn, &Statement::new(sql, vec![])).await?;
    Ok(Layout::from_registry(views, number, outcome.rows))
}

async fn look_up(
    conn: &mut PgConnection,
    memory: &Memory,
    batch: &[Entry],
    trusting: bool,
) -> Result<Known, DbError> {
    let mut known = Known::default();
    let keys = memory.unknown_streams(batch, trusting);
    if !keys.is_empty() {
        let types: Vec<&str> = keys.iter().map(|key| key.aggregate_type).collect();
        let ids: Vec<&str> = keys.iter().map(|key| &*key.aggregate_id).collect();
        let query = sqlx::query(
            "SELECT coalesce((SELECT max(sequence) FROM events e WHERE e.aggregate_type = k.t AND e.aggregate_id = k.i), 0) \
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(t, i, n) ORDER BY n",
        )
        .bind(types)
        .bind(ids);
        let rows = conn.fetch_all(query).await?;
        for (key, row) in keys.into_iter().zip(rows) {
            known.sequences.insert(key, from_db(row.try_get(0)?));
        }
    }
    if !trusting {
        let records: Vec<_> = batch
            .iter()
            .filter_map(|entry| entry.append.idempotency.as_ref())
            .collect();
        if !records.is_empty() {
            let scopes: Vec<&str> = records.iter().map(|record| record.scope.as_str()).collect();
            let keys: Vec<&str> = records.iter().map(|record| record.key.as_str()).collect();
            let query = sqlx::query(
                "SELECT i.scope, i.key FROM idempotency i JOIN unnest($1::text[], $2::text[]) AS k(s, k) \
                 ON i.scope = k.s AND i.key = k.k",
            )
            .bind(scopes)
            .bind(keys);
            for row in conn.fetch_all(query).await? {
                known.used_keys.insert((row.try_get(0)?, row.try_get(1)?));
            }
        }
    }
    Ok(known)
}

/// Plans the batch, loads what it touches, and folds. On failure the batch is as before.
async fn fold(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &Memory,
    shared: &Shared,
    layout: &Layout,
    trusting: bool,
) -> Result<(Plan, Vec<Change>), Failure> {
    let known = look_up(conn, memory, batch, trusting).await?;
    loop {
        let plan = plan::plan(batch, memory, &known, &shared.views, layout, shared.clock.now());
        let mut overlay = Overlay::default();
        let envelope = |event| plan.envelope(event);
        let needs = overlay.needs(&shared.views, Some(&shared.docs), &plan.touches, envelope);
        let loaded = if needs.is_empty() {
            Ok((Vec::new(), Children::new()))
        } else {
            load(conn, &shared.views, layout, &needs).await
        };
        let (docs, children) = match loaded {
            Ok(loaded) => loaded,
            Err(failure) => {
                plan.undo(batch);
                return Err(failure);
            }
        };
        overlay.supply(docs);
        match overlay.fold(&shared.views, &plan.touches, &children, envelope) {
            Err(failure) => plan::reject(plan, batch, failure),
            Ok(()) => match overlay.changes(&shared.views) {
                Ok(changes) => return Ok((plan, changes)),
                Err(reason) => {
                    plan.undo(batch);
                    return Err(Failure::Refused(LogError::Corrupt(reason)));
                }
            },
        }
    }
}

type Children = HashMap<(u16, Arc<str>), Vec<Arc<str>>>;

async fn load(
    conn: &mut PgConnection,
    views: &ViewSet,
    layout: &Layout,
    needs: &Needs,
) -> Result<(Vec<(u16, StoredDoc)>, Children), Failure> {
    Ok((
        load_docs(conn, views, layout, needs).await?,
        load_children(conn, layout, needs).await?,
    ))
}

/// Loads documents, those of all views in one round trip.
pub(crate) async fn load_docs(
    conn: &mut PgConnection,
    views: &ViewSet,
    layout: &Layout,
    needs: &Needs,
) -> Result<Vec<(u16, StoredDoc)>, LogError> {
    let mut by_view: Vec<(u16, Vec<&str>)> = Vec::new();
    let mut keys: Vec<_> = needs.docs.iter().collect();
    keys.sort_unstable_by_key(|key| key.view);
    for key in keys {
        match by_view.last_mut() {
            Some((view, ids)) if *view == key.view => ids.push(&key.id),
            _ => by_view.push((key.view, vec![&key.id])),
        }
    }
    if by_view.is_empty() {
        return Ok(Vec::new());
    }
    let columns = doc_columns(Dialect::Postgres);
    let parts = (1..).zip(&by_view).map(|(parameter, (view, _))| {
        let table = &layout.tables[usize::from(*view)].name;
        format!("SELECT {columns}, {view}::int8 FROM {table} WHERE id = ANY(${parameter}::text[])")
    });
    let sql = parts.collect::<Vec<_>>().join(" UNION ALL ");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (_, ids) in by_view {
        query = query.bind(ids);
    }
    let mut docs = Vec::new();
    for mut row in run_rows(conn, query).await? {
        let view = u16::try_from(row.int(8)).unwrap_or(u16::MAX);
        docs.push((view, stored_doc_of(views.view(view), &mut row)?));
    }
    Ok(docs)
}

pub(crate) async fn load_children(
    conn: &mut PgConnection,
    layout: &Layout,
    needs: &Needs,
) -> Result<Children, DbError> {
    let mut children = Children::new();
    let parents: HashSet<&(u16, Arc<str>)> = needs.parents.iter().collect();
    for (view, parent) in parents {
        let table = &layout.tables[usize::from(*view)].name;
        let sql = format!("SELECT id FROM {table} WHERE parent_id = $1");
        let outcome = run(conn, &Statement::new(sql, vec![Value::from(&**parent)])).await?;
        let ids = outcome
            .rows
            .into_iter()
            .map(|mut row| row.text(0).into())
            .collect();
        children.insert((*view, Arc::clone(parent)), ids);
    }
    Ok(children)
}

/// Sends the one statement. Whether the head was still where the plan took it to be.
async fn swap(
    conn: &mut PgConnection,
    batch: &[Entry],
    revision: i64,
    plan: &Plan,
    changes: &[Change],
    shared: &Shared,
    layout: &Layout,
) -> Result<bool, DbError> {
    let mut builder = Builder::new();
    builder.swap_head(revision, &plan.head)?;
    builder.events(plan)?;
    let records: Vec<_> = plan.idempotency(batch).collect();
    builder.idempotency(&records, shared.now_us())?;
    builder.changes(layout, changes, "AND EXISTS (SELECT FROM cas)")?;
    builder.finish(plan.head.position)?;
    let (sql, args) = builder.into_parts();
    let row = conn.fetch_one(sqlx::query_with(AssertSqlSafe(sql), args)).await?;
    Ok(row.try_get::<i64, _>(0)? == 1)
}

/// Commits the batch in one statement, on the assumption that nobody else writes.
pub(crate) async fn optimistic(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &Memory,
    shared: &Shared,
) -> Result<Swap, Failure> {
    let layout = shared.views.layout();
    let (plan, changes) = fold(conn, batch, memory, shared, &layout, true).await?;
    if plan.is_empty() {
        // Only a commit proves that the memory, on which everything was refused, is not stale.
        return Ok(Swap::Lost);
    }
    match swap(
        conn,
        batch,
        memory.head.revision,
        &plan,
        &changes,
        shared,
        &layout,
    )
    .await
    {
        Ok(true) => Ok(Swap::Done(Box::new(plan), changes)),
        Ok(false) => {
            plan.undo(batch);
            Ok(Swap::Lost)
        }
        // The statement was its own transaction.
        Err(DbError::Gone(reason)) => Err(Failure::Unknown {
            reason,
            plan,
            changes,
        }),
        Err(error) => {
            plan.undo(batch);
            Err(error.into())
        }
    }
}

/// Commits the batch under the head's lock, whoever else writes. Whether somebody else had written.
pub(crate) async fn locked(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &mut Memory,
    shared: &Shared,
) -> Result<(Plan, Vec<Change>, bool), Failure> {
    conn.execute("BEGIN").await.map_err(DbError::from)?;
    let result = under_lock(conn, batch, memory, shared).await;
    match result {
        Ok((plan, changes, foreign)) => match conn.execute("COMMIT").await {
            Ok(_) => Ok((plan, changes, foreign)),
            Err(error) => match DbError::from(error) {
                DbError::Gone(reason) => Err(Failure::Unknown {
                    reason,
                    plan,
                    changes,
                }),
                error @ (DbError::Duplicate(_) | DbError::NoTable(_) | DbError::Refused(_)) => {
                    plan.undo(batch);
                    Err(error.into())
                }
            },
        },
        Err(failure) => {
            // On a lost connection there is nothing to roll back.
            drop(conn.execute("ROLLBACK").await);
            Err(failure)
        }
    }
}

async fn under_lock(
    conn: &mut PgConnection,
    batch: &mut [Entry],
    memory: &mut Memory,
    shared: &Shared,
) -> Result<(Plan, Vec<Change>, bool), Failure> {
    let head = read_head(conn, true).await.map_err(lost)?;
    let foreign = head.revision != memory.head.revision;
    if foreign {
        if head.layout != memory.head.layout {
            shared
                .views
                .set_layout(read_registry(conn, &shared.views, head.layout).await?);
        }
        memory.reset(head);
        shared.docs.invalidate();
    }
    let layout = shared.views.layout();
    if let Some(reason) = &layout.ahead {
        return Err(LogError::Unavailable {
            reason: reason.clone(),
            unknown: false,
        }
        .into());
    }
    let (plan, changes) = fold(conn, batch, memory, shared, &layout, false).await?;
    if plan.is_empty() {
        return Ok((plan, changes, foreign));
    }
    match swap(
        conn,
        batch,
        memory.head.revision,
        &plan,
        &changes,
        shared,
        &layout,
    )
    .await
    {
        Ok(true) => Ok((plan, changes, foreign)),
        Ok(false) => {
            plan.undo(batch);
            Err(LogError::Corrupt("the head moved under its lock".to_owned()).into())
        }
        // Even if the connection is lost: this transaction was not committed, and never will be.
        Err(error) => {
            plan.undo(batch);
            Err(error.into())
        }
    }
}

fn lost(error: LogError) -> Failure {
    match error {
        LogError::Unavailable { reason, .. } => Failure::Gone(reason),
        LogError::Conflict(_) | LogError::AlreadyDone | LogError::Corrupt(_) | LogError::Fenced => {
            Failure::Refused(error)
        }
    }
}

/// Writes documents into the tables of the layout, outside of any append.
pub(crate) async fn write_changes(
    conn: &mut PgConnection,
    layout: &Layout,
    changes: &[Change],
) -> Result<(), DbError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut builder = Builder::new();
    builder.push(format_args!("WITH none AS (SELECT 1)"));
    builder.changes(layout, changes, "")?;
    builder.push(format_args!(" SELECT count(*) FROM none"));
    let (sql, args) = builder.into_parts();
    conn.fetch_one(sqlx::query_with(AssertSqlSafe(sql), args)).await?;
    Ok(())
}

/// Finds out what became of a plan whose commit got no answer. Whether it was stored; if not, it never
/// will be: its swap of the head cannot succeed any more.
pub(crate) async fn resolve(conn: &mut PgConnection, plan: &Plan, batch: &[Entry]) -> Result<bool, DbError> {
    // Waits for a transaction that may still be at it, and moves the head's revision out of its reach.
    let fence = "UPDATE log_head SET revision = revision + 1 WHERE id = 1";
    run(conn, &Statement::new(fence, vec![])).await?;
    if let Some(event) = plan.events.last() {
        let sql = "SELECT leaf_hash FROM events WHERE position = $1";
        let mut found = run(conn, &Statement::new(sql, vec![event.envelope.position.into()])).await?;
        return Ok(found
            .rows
            .first_mut()
            .is_some_and(|row| row.bytes(0) == event.leaf));
    }
    let Some((record, _)) = plan.idempotency(batch).next() else {
        return Ok(false);
    };
    let sql = "SELECT fingerprint FROM idempotency WHERE scope = $1 AND key = $2";
    let args = vec![record.scope.as_str().into(), record.key.as_str().into()];
    let mut found = run(conn, &Statement::new(sql, args)).await?;
    Ok(found
        .rows
        .first_mut()
        .is_some_and(|row| row.bytes(0) == record.fingerprint))
}
