//! Why a store could not be opened, backed up or restored.

use reef_commands::ports::LogError;

use crate::sql::{DbError, ReadError};

/// Why a store could not be opened, backed up or restored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL is not `sqlite:///path` or `postgres://...`.
    #[error("{0} is not a database URL: use sqlite:///path or postgres://user@host/database")]
    Url(String),
    /// Another process serves the same SQLite file.
    #[error("{0} is already served by another process")]
    InUse(String),
    /// The database does not answer.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The database's schema or views are of another version of the program.
    #[error("{0}")]
    Schema(String),
    /// The master key is not the one that the database was made with.
    #[error("the master key is not the one this database was made with")]
    MasterKey,
    /// A backup goes into an empty database only.
    #[error("the database is not empty: a backup is restored into an empty one")]
    NotEmpty,
    /// The backup is damaged or is none.
    #[error("the backup cannot be used: {0}")]
    Backup(String),
    /// Reading or writing a file failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Db(error) => error.into(),
            ReadError::Found(error) => Self::Log(error),
        }
    }
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Log(error) => error,
            StoreError::Backup(reason) => Self::Corrupt(reason),
            StoreError::Url(_)
            | StoreError::InUse(_)
            | StoreError::Unavailable(_)
            | StoreError::Schema(_)
            | StoreError::MasterKey
            | StoreError::NotEmpty
            | StoreError::Io(_) => Self::Unavailable {
                reason: error.to_string(),
                unknown: false,
            },
        }
    }
}
