//! What a batch needs to know of the database.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use reef_commands::ports::LogError;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row as _};

use super::{batch::Builder, run, run_rows};
use crate::{
    docs::{Layout, StoredDoc, ViewSet},
    fold::{Change, Needs},
    memory::{HeadState, Known, Memory},
    merkle::Frontier,
    plan::Entry,
    sql::{DbError, Dialect, ReadError, Statement, Value, from_db},
    tables::{doc_columns, stored_doc_of},
};

/// Reads the end of the log; `lock` keeps others from moving it until the transaction ends.
pub(crate) async fn read_head(conn: &mut PgConnection, lock: bool) -> Result<HeadState, ReadError> {
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

pub(crate) async fn look_up(
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

/// Ids of stored documents by view and parent.
pub(crate) type Children = HashMap<(u16, Arc<str>), Vec<Arc<str>>>;

/// Loads what a batch touches.
pub(crate) async fn load(
    conn: &mut PgConnection,
    views: &ViewSet,
    layout: &Layout,
    needs: &Needs,
) -> Result<(Vec<(u16, StoredDoc)>, Children), ReadError> {
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
) -> Result<Vec<(u16, StoredDoc)>, ReadError> {
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
