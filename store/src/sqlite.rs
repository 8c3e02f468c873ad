//! SQLite: one connection writes, on its own thread; a few others read.

mod checkpointer;
mod commit;
mod documents;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use reef_commands::ports::LogError;
use rusqlite::{
    Connection, OpenFlags, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};
use tokio::sync::Semaphore;

pub(crate) use commit::read_head;
pub(crate) use documents::{Children, load_children, load_docs, write_change};
pub(crate) use writer::{Job, SqliteWriter, Work, WriterHandle, claim};

use crate::{
    error::StoreError,
    record::Canonical,
    sql::{DbError, Outcome, Row, Statement, Value, from_db},
};

/// Connections that read.
const READERS: usize = 6;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        let code = error.sqlite_error().map(|error| error.extended_code);
        match code {
            Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                Self::Duplicate(text)
            }
            _ if text.contains("no such table") => Self::NoTable(text),
            _ => Self::Refused(text),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Int(Some(number)) => ValueRef::Integer(*number),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Int(None) | Self::Text(None) | Self::Bytes(None) => ValueRef::Null,
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

fn value_of(value: ValueRef<'_>) -> Result<Value, DbError> {
    Ok(match value {
        ValueRef::Null => Value::Text(None),
        ValueRef::Integer(number) => Value::Int(Some(number)),
        ValueRef::Text(text) => Value::Text(Some(
            String::from_utf8(text.to_vec()).map_err(|error| DbError::Refused(error.to_string()))?,
        )),
        ValueRef::Blob(bytes) => Value::Bytes(Some(bytes.to_vec())),
        ValueRef::Real(_) => return Err(DbError::Refused("unexpected floating point number".to_owned())),
    })
}

/// SQLite's numbered parameters are `?1`; a `$1` would be numbered by its first use.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?").replace("'?.", "'$.")
}

/// Runs one statement.
pub(crate) fn run(conn: &Connection, statement: &Statement) -> Result<Outcome, DbError> {
    let mut prepared = conn.prepare_cached(&numbered(&statement.sql))?;
    let columns = prepared.column_count();
    let mut rows = prepared.query(rusqlite::params_from_iter(&statement.args))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns)
            .map(|column| value_of(row.get_ref(column)?))
            .collect::<Result<_, DbError>>()?;
        found.push(Row(values));
    }
    drop(rows);
    Ok(Outcome {
        rows: found,
        affected: conn.changes(),
    })
}

/// Reads events: the columns of `event_columns` and the leaf hash.
pub(crate) fn run_events<T>(
    conn: &Connection,
    sql: &str,
    args: &[Value],
    make: fn(Canonical<'_>, &[u8]) -> Result<T, LogError>,
) -> Result<Vec<T>, LogError> {
    let unavailable = |error: rusqlite::Error| LogError::from(DbError::from(error));
    let mut prepared = conn.prepare_cached(&numbered(sql)).map_err(unavailable)?;
    let mut rows = prepared
        .query(rusqlite::params_from_iter(args))
        .map_err(unavailable)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        found.push(event_of(row, make)?);
    }
    Ok(found)
}

fn event_of<T>(
    row: &rusqlite::Row<'_>,
    make: fn(Canonical<'_>, &[u8]) -> Result<T, LogError>,
) -> Result<T, LogError> {
    let unreadable = |error: &dyn std::fmt::Display| LogError::Corrupt(format!("row of events: {error}"));
    let number = |column| row.get::<_, i64>(column).map_err(|error| unreadable(&error));
    let text = |column| {
        row.get_ref(column)
            .map_err(|error| unreadable(&error))?
            .as_str()
            .map_err(|error| unreadable(&error))
    };
    let account = row.get_ref(9).map_err(|error| unreadable(&error))?;
    let leaf = row.get_ref(10).map_err(|error| unreadable(&error))?;
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
            account_id: account.as_str_or_null().map_err(|error| unreadable(&error))?,
        },
        leaf.as_bytes().unwrap_or_default(),
    )
}

/// Settings of every connection. Without them a cached statement is compiled anew whenever another value
/// is bound to it.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens a connection that writes.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let unavailable =
        |error: rusqlite::Error| StoreError::Unavailable(format!("{}: {error}", path.display()));
    let conn = Connection::open(path).map_err(unavailable)?;
    keep_plans(&conn).map_err(unavailable)?;
    conn.execute_batch(
        "PRAGMA busy_timeout = 10000;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = OFF;
         PRAGMA secure_delete = FAST;
         PRAGMA cache_size = -65536;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = 67108864;",
    )
    .map_err(unavailable)?;
    Ok(conn)
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    keep_plans(&conn)?;
    conn.execute_batch("PRAGMA busy_timeout = 10000; PRAGMA query_only = ON; PRAGMA cache_size = -16384;")?;
    Ok(conn)
}

/// A bounded pool of connections that read; each read runs on a blocking thread.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Pool>);

struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Pool {
            path,
            idle: Mutex::default(),
            permits: Semaphore::new(READERS),
        }))
    }

    /// Runs `read` on a connection of the pool.
    pub(crate) async fn with<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> R + Send + 'static,
    ) -> Result<R, DbError> {
        let permit = self
            .0
            .permits
            .acquire()
            .await
            .map_err(|error| DbError::Gone(error.to_string()))?;
        let pool = Arc::clone(&self.0);
        let result = tokio::task::spawn_blocking(move || {
            let idle = pool.idle.lock().pop();
            let conn = idle.map_or_else(|| open_reader(&pool.path), Ok)?;
            let result = read(&conn);
            pool.idle.lock().push(conn);
            Ok(result)
        })
        .await
        .map_err(|error| DbError::Gone(error.to_string()))?;
        drop(permit);
        result
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }
}
