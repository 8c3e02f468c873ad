//! PostgreSQL: a pool that reads, a connection of its own that writes, and one that listens.

mod batch;
mod commit;
mod lookup;
mod tail;
mod writer;

use std::time::Duration;

use reef_commands::ports::LogError;
use sqlx::{
    AssertSqlSafe, Column, Connection, Executor, PgConnection, PgPool, Row as _, TypeInfo, ValueRef as _,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
};

pub(crate) use lookup::{load_children, load_docs, read_head, read_registry, write_changes};
pub(crate) use tail::tail;
pub(crate) use writer::WriterHandle;

use crate::{
    error::StoreError,
    record::Canonical,
    sql::{DbError, Outcome, Row, Statement, Value, from_db},
};

/// Connections that read.
const POOL: u32 = 16;
/// How long a read waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long connecting may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(3);

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        let Some(code) = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
        else {
            let refused = matches!(
                error,
                sqlx::Error::Encode(_)
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::RowNotFound
            );
            return if refused {
                Self::Refused(text)
            } else {
                Self::Gone(text)
            };
        };
        match &*code {
            "23505" => Self::Duplicate(text),
            "42P01" => Self::NoTable(text),
            // Connection exceptions, operator intervention (shutdown, terminated backend), no more connections.
            code if code.starts_with("08") || code.starts_with("57P") || code == "53300" => Self::Gone(text),
            _ => Self::Refused(text),
        }
    }
}

/// Arguments of a statement, ready to be sent.
pub(crate) fn arguments(values: &[Value]) -> Result<PgArguments, DbError> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Int(number) => sqlx::Arguments::add(&mut arguments, number),
            Value::Text(text) => sqlx::Arguments::add(&mut arguments, text.as_deref()),
            Value::Bytes(bytes) => sqlx::Arguments::add(&mut arguments, bytes.as_deref()),
        };
        added.map_err(|error| DbError::Refused(error.to_string()))?;
    }
    Ok(arguments)
}

fn value_of(row: &PgRow, column: usize) -> Result<Value, DbError> {
    let raw = row.try_get_raw(column)?;
    let kind = raw.type_info().into_owned();
    drop(raw);
    Ok(match kind.name() {
        "INT8" => Value::Int(row.try_get(column)?),
        "INT4" => Value::Int(row.try_get::<Option<i32>, _>(column)?.map(i64::from)),
        "BYTEA" => Value::Bytes(row.try_get(column)?),
        "TEXT" | "VARCHAR" | "NAME" => Value::Text(row.try_get(column)?),
        other => {
            return Err(DbError::Refused(format!(
                "column {} is {other}",
                row.column(column).name()
            )));
        }
    })
}

fn row_of(row: &PgRow) -> Result<Row, DbError> {
    (0..row.len())
        .map(|column| value_of(row, column))
        .collect::<Result<_, _>>()
        .map(Row)
}

/// Runs one statement.
pub(crate) async fn run(conn: &mut PgConnection, statement: &Statement) -> Result<Outcome, DbError> {
    let arguments = arguments(&statement.args)?;
    // All text is the program's own; values are bound.
    let sql = AssertSqlSafe(statement.sql.clone());
    let prepared = sqlx::query_with(sql, arguments);
    let returns_rows = statement.sql.starts_with("SELECT") || statement.sql.contains("RETURNING");
    if returns_rows {
        let rows = conn.fetch_all(prepared).await?;
        let affected = rows.len() as u64;
        let rows = rows.iter().map(row_of).collect::<Result<_, _>>()?;
        return Ok(Outcome { rows, affected });
    }
    let done = conn.execute(prepared).await?;
    Ok(Outcome {
        rows: Vec::new(),
        affected: done.rows_affected(),
    })
}

/// Reads events: the columns of `event_columns` and the leaf hash.
pub(crate) async fn run_events<T>(
    conn: &mut PgConnection,
    sql: String,
    args: &[Value],
    make: fn(Canonical<'_>, &[u8]) -> Result<T, LogError>,
) -> Result<Vec<T>, LogError> {
    let prepared = sqlx::query_with(AssertSqlSafe(sql), arguments(args)?);
    let rows = conn.fetch_all(prepared).await.map_err(DbError::from)?;
    rows.iter().map(|row| event_of(row, make)).collect()
}

fn event_of<T>(row: &PgRow, make: fn(Canonical<'_>, &[u8]) -> Result<T, LogError>) -> Result<T, LogError> {
    let unreadable = |error: sqlx::Error| LogError::Corrupt(format!("row of events: {error}"));
    let number = |column: usize| row.try_get::<i64, _>(column).map_err(unreadable);
    let text = |column: usize| row.try_get::<&str, _>(column).map_err(unreadable);
    make(
        Canonical {
            position: from_db(number(0)?),
            sequence: from_db(number(1)?),
            recorded_at_us: number(2)?,
            aggregate_type: text(3)?,
            aggregate_id: text(4)?,
            event_type: text(5)?,
            event_version: text(6)?,
            payload: text(7)?,
            metadata: text(8)?,
            account_id: row.try_get(9).map_err(unreadable)?,
        },
        row.try_get(10).map_err(unreadable)?,
    )
}

/// Where the database is and how this process talks to it.
#[derive(Clone)]
pub(crate) struct PgDb {
    pub(crate) options: PgConnectOptions,
    pub(crate) pool: PgPool,
}

impl PgDb {
    pub(crate) async fn connect(url: &str, read_only: bool) -> Result<Self, StoreError> {
        let mut options: PgConnectOptions = url
            .parse()
            .map_err(|error: sqlx::Error| StoreError::Url(format!("{url} ({error})")))?;
        options = options.application_name("reef").statement_cache_capacity(512);
        if read_only {
            options = options.options([("default_transaction_read_only", "on")]);
        }
        let pool = PgPoolOptions::new()
            .max_connections(POOL)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.clone());
        let db = Self { options, pool };
        drop(db.dedicated().await?);
        Ok(db)
    }

    /// A connection outside the pool.
    pub(crate) async fn dedicated(&self) -> Result<PgConnection, DbError> {
        tokio::time::timeout(CONNECT, PgConnection::connect_with(&self.options))
            .await
            .map_err(|_| DbError::Gone("connecting took too long".to_owned()))?
            .map_err(DbError::from)
    }

    /// Reads. A pooled connection may have died unnoticed, so that is tried again on another one.
    pub(crate) async fn fetch(&self, statement: &Statement) -> Result<Vec<Row>, DbError> {
        let mut tries = 0..=POOL;
        loop {
            let outcome = match self.pool.acquire().await {
                Ok(mut conn) => discard_dead(run(&mut conn, statement).await, conn).await,
                Err(error) => return Err(DbError::Gone(error.to_string())),
            };
            match outcome {
                Err(DbError::Gone(_)) if tries.next().is_some() => {}
                Ok(outcome) => return Ok(outcome.rows),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads events, as [`fetch`](Self::fetch) does.
    pub(crate) async fn events<T>(
        &self,
        sql: &str,
        args: &[Value],
        make: fn(Canonical<'_>, &[u8]) -> Result<T, LogError>,
    ) -> Result<Vec<T>, LogError> {
        let mut tries = 0..=POOL;
        loop {
            let mut conn = self.pool.acquire().await.map_err(DbError::from)?;
            let result = run_events(&mut conn, sql.to_owned(), args, make).await;
            match result {
                Err(LogError::Unavailable { .. }) if tries.next().is_some() => {
                    drop(conn.detach().close_hard().await);
                }
                other => return other,
            }
        }
    }

    /// Runs statements in one transaction. Not repeated on its own: it may have happened.
    pub(crate) async fn write(&self, statements: &[Statement]) -> Result<Vec<Outcome>, DbError> {
        let mut tries = 0..=POOL;
        loop {
            let mut conn = self.pool.acquire().await?;
            let begun = if let [_] = statements {
                probe(&mut conn).await
            } else {
                begin(&mut conn).await
            };
            match begun {
                Ok(()) => {
                    let outcome = write_all(&mut conn, statements).await;
                    return discard_dead(outcome, conn).await;
                }
                Err(error) if tries.next().is_none() => return Err(error),
                Err(_) => drop(conn.detach().close_hard().await),
            }
        }
    }
}

async fn begin(conn: &mut PgConnection) -> Result<(), DbError> {
    conn.execute("BEGIN").await?;
    Ok(())
}

async fn probe(conn: &mut PgConnection) -> Result<(), DbError> {
    conn.ping().await?;
    Ok(())
}

async fn write_all(conn: &mut PgConnection, statements: &[Statement]) -> Result<Vec<Outcome>, DbError> {
    if let [only] = statements {
        return run(conn, only).await.map(|outcome| vec![outcome]);
    }
    let mut outcomes = Vec::with_capacity(statements.len());
    for statement in statements {
        match run(conn, statement).await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => {
                conn.execute("ROLLBACK").await?;
                return Err(error);
            }
        }
    }
    conn.execute("COMMIT").await?;
    Ok(outcomes)
}

/// Closes a connection that turned out to be dead, instead of giving it back to the pool.
async fn discard_dead<T>(
    result: Result<T, DbError>,
    conn: sqlx::pool::PoolConnection<sqlx::Postgres>,
) -> Result<T, DbError> {
    if matches!(result, Err(DbError::Gone(_))) {
        drop(conn.detach().close_hard().await);
    }
    result
}

/// Runs a query whose values are bound already.
pub(crate) async fn run_rows(
    conn: &mut PgConnection,
    query: sqlx::query::Query<'_, sqlx::Postgres, PgArguments>,
) -> Result<Vec<Row>, DbError> {
    conn.fetch_all(query).await?.iter().map(row_of).collect()
}
