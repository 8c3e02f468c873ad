//! The schema: migrations embedded in the program, applied in order, each once.

use rusqlite::Connection;
use sqlx::{Executor, PgConnection};

use crate::{
    error::StoreError,
    sql::{DbError, Statement},
    sqlite,
};

/// A migration: its number, counted from 1, and its SQL.
type Migration = (i64, &'static str);

const SQLITE: &[Migration] = &[
    (1, include_str!("../../migrations/sqlite/0001_init.sql")),
    (2, include_str!("../../migrations/sqlite/0002_machines.sql")),
    (3, include_str!("../../migrations/sqlite/0003_key_uses.sql")),
    (
        4,
        include_str!("../../migrations/sqlite/0004_webhook_deliveries.sql"),
    ),
];
const POSTGRES: &[Migration] = &[
    (1, include_str!("../../migrations/postgres/0001_init.sql")),
    (2, include_str!("../../migrations/postgres/0002_machines.sql")),
    (3, include_str!("../../migrations/postgres/0003_key_uses.sql")),
    (
        4,
        include_str!("../../migrations/postgres/0004_webhook_deliveries.sql"),
    ),
];

const APPLIED: &str = "SELECT coalesce(max(version), 0) FROM schema_migrations";
/// Serialises nodes that start together; any number that nobody else uses.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7250142601)";

fn check(applied: i64, known: &[Migration], may_apply: bool) -> Result<(), StoreError> {
    let newest = known.last().map_or(0, |(version, _)| *version);
    if applied > newest {
        return Err(StoreError::Schema(format!(
            "the database has schema version {applied}, this program knows {newest}: use a newer program"
        )));
    }
    if applied < newest && !may_apply {
        return Err(StoreError::Schema(format!(
            "the database has schema version {applied}, this program needs {newest}: start the server once to migrate it"
        )));
    }
    Ok(())
}

/// Brings a SQLite file up to date.
pub(crate) fn migrate_sqlite(conn: &mut Connection) -> Result<(), StoreError> {
    let tx = conn
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(DbError::from)?;
    let make = "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY)";
    tx.execute_batch(make).map_err(DbError::from)?;
    let applied = tx
        .query_row(APPLIED, [], |row| row.get(0))
        .map_err(DbError::from)?;
    check(applied, SQLITE, true)?;
    for (version, sql) in SQLITE.iter().filter(|(version, _)| *version > applied) {
        tx.execute_batch(sql).map_err(DbError::from)?;
        tx.execute("INSERT INTO schema_migrations (version) VALUES (?1)", [version])
            .map_err(DbError::from)?;
    }
    tx.commit().map_err(DbError::from)?;
    Ok(())
}

/// Whether this program can read the SQLite file.
pub(crate) fn check_sqlite(conn: &Connection) -> Result<(), StoreError> {
    let outcome = sqlite::run(conn, &Statement::new(APPLIED, vec![]));
    let rows = outcome
        .map_err(|error| StoreError::Schema(format!("this is no database of ours: {error}")))?
        .rows;
    check(rows.first().map_or(0, |row| row.int(0)), SQLITE, false)
}

/// Brings a PostgreSQL database up to date; nodes that start together wait for each other.
pub(crate) async fn migrate_postgres(conn: &mut PgConnection) -> Result<(), StoreError> {
    let run = |sql: &'static str| sqlx::raw_sql(sql);
    conn.execute("BEGIN").await.map_err(DbError::from)?;
    conn.execute(run(LOCK)).await.map_err(DbError::from)?;
    let make = "CREATE TABLE IF NOT EXISTS schema_migrations (version bigint PRIMARY KEY)";
    conn.execute(run(make)).await.map_err(DbError::from)?;
    let rows = crate::postgres::run(conn, &Statement::new(APPLIED, vec![]))
        .await?
        .rows;
    let applied = rows.first().map_or(0, |row| row.int(0));
    check(applied, POSTGRES, true)?;
    for (version, sql) in POSTGRES.iter().filter(|(version, _)| *version > applied) {
        conn.execute(run(sql)).await.map_err(DbError::from)?;
        let note = "INSERT INTO schema_migrations (version) VALUES ($1)";
        crate::postgres::run(conn, &Statement::new(note, vec![(*version).into()])).await?;
    }
    conn.execute("COMMIT").await.map_err(DbError::from)?;
    Ok(())
}

/// Whether this program can read the PostgreSQL database.
pub(crate) async fn check_postgres(conn: &mut PgConnection) -> Result<(), StoreError> {
    let outcome = crate::postgres::run(conn, &Statement::new(APPLIED, vec![])).await;
    let rows = outcome
        .map_err(|error| StoreError::Schema(format!("this is no database of ours: {error}")))?
        .rows;
    check(rows.first().map_or(0, |row| row.int(0)), POSTGRES, false)
}
