//! Either database, for everything that is not the hot path.

use std::{path::Path, sync::Arc};

use parking_lot::Mutex;
use reef_commands::ports::LogError;
use rusqlite::Connection;
use sqlx::{Executor, PgConnection};
use tokio::sync::oneshot;

use crate::{
    error::StoreError,
    postgres::{self, PgDb},
    record::Canonical,
    sql::{DbError, Dialect, Outcome, Row, Statement, Value},
    sqlite::{self, Job, Readers, Work, WriterHandle},
};

/// Ids asked for in one statement.
const MANY: usize = 100;

/// How a stored event becomes something to work with; the second argument is the stored leaf hash.
pub(crate) type Make<T> = fn(Canonical<'_>, &[u8]) -> Result<T, LogError>;

/// The SQLite file.
pub(crate) struct SqliteDb {
    pub(crate) readers: Readers,
    /// `None`: opened for reading only.
    pub(crate) writer: Option<WriterHandle>,
}

/// Either database.
#[expect(clippy::large_enum_variant, reason = "there is one per store, behind an Arc")]
pub(crate) enum Db {
    Sqlite(SqliteDb),
    Postgres {
        db: PgDb,
        writer: Option<postgres::WriterHandle>,
    },
}

fn read_only() -> DbError {
    DbError::Refused("the database was opened for reading only".to_owned())
}

impl Db {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Reads rows.
    pub(crate) async fn fetch(&self, statement: Statement) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Sqlite(db) => {
                let outcome = db
                    .readers
                    .with(move |conn| sqlite::run(conn, &statement))
                    .await??;
                Ok(outcome.rows)
            }
            Self::Postgres { db, .. } => db.fetch(&statement).await,
        }
    }

    /// The rows of each of these ids, in statements of bounded length. `select` goes up to the list of ids.
    pub(crate) async fn fetch_each<'a>(
        &self,
        select: &str,
        ids: impl ExactSizeIterator<Item = &'a str> + Send,
    ) -> Result<Vec<Row>, DbError> {
        let ids: Vec<&str> = ids.collect();
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(MANY) {
            let places: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
            let sql = format!("{select} ({})", places.join(", "));
            let args = some.iter().map(|id| (*id).into()).collect();
            found.extend(self.fetch(Statement::new(sql, args)).await?);
        }
        Ok(found)
    }

    /// Reads events; `tail` is what follows the table's name.
    pub(crate) async fn events<T: Send + 'static>(
        &self,
        tail: &str,
        args: Vec<Value>,
        make: Make<T>,
    ) -> Result<Vec<T>, LogError> {
        let sql = events_sql(self.dialect(), tail);
        match self {
            Self::Sqlite(db) => {
                db.readers
                    .with(move |conn| sqlite::run_events(conn, &sql, &args, make))
                    .await?
            }
            Self::Postgres { db, .. } => db.events(&sql, &args, make).await,
        }
    }

    /// Runs statements in one transaction: all or none.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DbError> {
        match self {
            Self::Sqlite(db) => {
                let (reply, answer) = oneshot::channel();
                let writer = db.writer.as_ref().ok_or_else(read_only)?;
                writer.send(Job::Write(Work { statements, reply })).await?;
                answer
                    .await
                    .map_err(|_| DbError::Gone("the writer has stopped".to_owned()))?
            }
            Self::Postgres { writer: None, .. } => Err(read_only()),
            Self::Postgres { db, .. } => db.write(&statements).await,
        }
    }

    /// Runs one statement.
    pub(crate) async fn write_one(
        &self,
        sql: impl Into<std::borrow::Cow<'static, str>>,
        args: Vec<Value>,
    ) -> Result<Outcome, DbError> {
        let outcomes = self.write(vec![Statement::new(sql, args)]).await?;
        outcomes
            .into_iter()
            .next()
            .ok_or_else(|| DbError::Refused("the statement had no outcome".to_owned()))
    }

    /// A consistent picture of the whole database.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        match self {
            Self::Sqlite(db) => {
                let path = db.readers.path().to_owned();
                tokio::task::spawn_blocking(move || Snapshot::of_file(&path))
                    .await
                    .map_err(|error| StoreError::Unavailable(error.to_string()))?
            }
            Self::Postgres { db, .. } => {
                let mut conn = db.dedicated().await?;
                conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await
                    .map_err(DbError::from)?;
                Ok(Snapshot::Postgres(Box::new(conn)))
            }
        }
    }
}

fn events_sql(dialect: Dialect, tail: &str) -> String {
    format!(
        "SELECT {}, leaf_hash FROM events {tail}",
        crate::tables::event_columns(dialect)
    )
}

/// A consistent picture of the whole database, as of when it was taken.
pub(crate) enum Snapshot {
    Sqlite(Arc<Mutex<Connection>>),
    Postgres(Box<PgConnection>),
}

impl Snapshot {
    fn of_file(path: &Path) -> Result<Self, StoreError> {
        let conn = sqlite::open_reader(path)?;
        let started = conn.execute_batch("BEGIN; SELECT position FROM log_head;");
        started.map_err(DbError::from)?;
        Ok(Self::Sqlite(Arc::new(Mutex::new(conn))))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) async fn fetch(&mut self, statement: Statement) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Sqlite(conn) => {
                let conn = Arc::clone(conn);
                let outcome = tokio::task::spawn_blocking(move || sqlite::run(&conn.lock(), &statement))
                    .await
                    .map_err(|error| DbError::Gone(error.to_string()))??;
                Ok(outcome.rows)
            }
            Self::Postgres(conn) => postgres::run(conn, &statement).await.map(|outcome| outcome.rows),
        }
    }

    pub(crate) async fn events<T: Send + 'static>(
        &mut self,
        tail: &str,
        args: Vec<Value>,
        make: Make<T>,
    ) -> Result<Vec<T>, LogError> {
        let sql = events_sql(self.dialect(), tail);
        match self {
            Self::Sqlite(conn) => {
                let conn = Arc::clone(conn);
                tokio::task::spawn_blocking(move || sqlite::run_events(&conn.lock(), &sql, &args, make))
                    .await
                    .map_err(|error| LogError::from(DbError::Gone(error.to_string())))?
            }
            Self::Postgres(conn) => postgres::run_events(conn, sql, &args, make).await,
        }
    }
}
