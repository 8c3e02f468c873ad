//! The little that both databases share: values, rows, statements, and how their SQL differs.

use std::borrow::Cow;

use reef_commands::ports::LogError;

/// A bound or read value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(Some(to_db(number)))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

/// Counts and positions are stored as the database's signed 64-bit integers.
pub(crate) fn to_db(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse of [`to_db`].
pub(crate) fn from_db(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A read row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    pub(crate) fn int(&self, column: usize) -> i64 {
        if let Some(Value::Int(Some(number))) = self.0.get(column) {
            *number
        } else {
            0
        }
    }

    pub(crate) fn number(&self, column: usize) -> u64 {
        from_db(self.int(column))
    }

    pub(crate) fn text(&mut self, column: usize) -> String {
        self.text_opt(column).unwrap_or_default()
    }

    pub(crate) fn text_opt(&mut self, column: usize) -> Option<String> {
        if let Some(Value::Text(text)) = self.0.get_mut(column) {
            text.take()
        } else {
            None
        }
    }

    pub(crate) fn bytes(&mut self, column: usize) -> Vec<u8> {
        self.bytes_opt(column).unwrap_or_default()
    }

    pub(crate) fn bytes_opt(&mut self, column: usize) -> Option<Vec<u8>> {
        if let Some(Value::Bytes(bytes)) = self.0.get_mut(column) {
            bytes.take()
        } else {
            None
        }
    }
}

/// A statement with its values; parameters are written `$1`, `$2` ...
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) args: Vec<Value>,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Self {
        Self {
            sql: sql.into(),
            args,
        }
    }
}

/// What a statement did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    pub(crate) affected: u64,
}

/// Why the database did not do it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum DbError {
    /// It cannot be reached, or went away; whatever was under way may or may not have happened.
    #[error("{0}")]
    Gone(String),
    /// A unique index refused the row.
    #[error("{0}")]
    Duplicate(String),
    /// A table that was named is not there: a view was switched to another table.
    #[error("{0}")]
    NoTable(String),
    /// It refused for another reason.
    #[error("{0}")]
    Refused(String),
}

impl From<DbError> for LogError {
    fn from(error: DbError) -> Self {
        Self::Unavailable {
            reason: error.to_string(),
            unknown: false,
        }
    }
}

/// Why something could not be read: the database, or what was found in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Found(#[from] LogError),
}

impl From<ReadError> for LogError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Db(error) => error.into(),
            ReadError::Found(error) => error,
        }
    }
}

/// What a column of rows that are given as JSON holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Text,
    Number,
}

/// Which SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// A JSON column read as text.
    pub(crate) fn json_out(self, column: &str) -> String {
        match self {
            Self::Sqlite => column.to_owned(),
            Self::Postgres => format!("{column}::text"),
        }
    }

    /// A text parameter stored into a JSON column.
    pub(crate) fn json_in(self, parameter: usize) -> String {
        match self {
            Self::Sqlite => format!("${parameter}"),
            Self::Postgres => format!("${parameter}::text::json"),
        }
    }

    /// The rows of a parameter that is a JSON list of lists, as `<columns> FROM <source>`: many rows in one
    /// statement, always of the same text.
    pub(crate) fn rows(self, parameter: usize, columns: &[Column]) -> String {
        let column = |(place, column): (usize, &Column)| match (self, column) {
            (Self::Postgres, Column::Number) => format!("(value ->> {place})::bigint"),
            (Self::Postgres, Column::Text) | (Self::Sqlite, _) => format!("value ->> {place}"),
        };
        let columns: Vec<String> = columns.iter().enumerate().map(column).collect();
        let source = match self {
            Self::Sqlite => format!("json_each(${parameter})"),
            Self::Postgres => format!("json_array_elements(${parameter}::text::json)"),
        };
        format!("{} FROM {source}", columns.join(", "))
    }

    /// The text of a top-level field of the document, the field's name being a parameter.
    pub(crate) fn field(self, parameter: usize) -> String {
        match self {
            Self::Sqlite => format!(
                "CASE json_type(payload, '$.\"' || ${parameter} || '\"') WHEN 'true' THEN 'true' \
                 WHEN 'false' THEN 'false' ELSE CAST(payload ->> ${parameter} AS TEXT) END"
            ),
            // PostgreSQL refuses to look into any document that holds an escaped NUL.
            Self::Postgres => format!(
                "(CASE WHEN position('\\u0000' in payload::text) > 0 \
                 THEN replace(payload::text, '\\u0000', '\\ufffd')::json ELSE payload END) ->> ${parameter}::text"
            ),
        }
    }

    /// The database's own clock where several nodes share it, else the parameter; microseconds.
    pub(crate) fn now(self, parameter: usize) -> String {
        match self {
            Self::Sqlite => format!("${parameter}"),
            // The parameter stays in the text: the statement is given it on both databases.
            Self::Postgres => {
                format!(
                    "((extract(epoch from clock_timestamp()) * 1000000)::bigint + 0 * ${parameter}::bigint)"
                )
            }
        }
    }
}
