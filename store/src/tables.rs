//! SQL of the tables: views' tables and how events and documents are read from them.

use std::sync::Arc;

use reef_commands::ports::{Doc, LogError};
use reef_domain::AccountId;
use reef_projections::AnyView;

use crate::{
    docs::StoredDoc,
    sql::{Dialect, Row, Statement},
};

/// The columns of an event, in the order in which both databases' readers take them.
pub(crate) fn event_columns(dialect: Dialect) -> String {
    format!(
        "position, sequence, recorded_at, aggregate_type, aggregate_id, event_type, event_version, {}, {}, account_id",
        dialect.json_out("payload"),
        dialect.json_out("metadata")
    )
}

/// The columns of a document, in the order of [`doc_of`].
pub(crate) fn doc_columns(dialect: Dialect) -> String {
    format!(
        "id, account_id, parent_id, {}, created_position, position, status, created_at",
        dialect.json_out("payload")
    )
}

/// The document in a row of [`doc_columns`].
pub(crate) fn doc_of(row: &mut Row) -> Doc {
    Doc {
        id: row.text(0).into(),
        account_id: row.text_opt(1).map(AccountId::from),
        parent_id: row.text_opt(2).map(Arc::from),
        payload: row.text(3).into(),
        created_position: row.number(4),
        position: row.number(5),
    }
}

/// The document in a row of [`doc_columns`], parsed.
pub(crate) fn stored_doc_of(view: &dyn AnyView, row: &mut Row) -> Result<StoredDoc, LogError> {
    let read = doc_of(row);
    let any = view
        .decode(&read.payload)
        .map_err(|error| LogError::Corrupt(error.to_string()))?;
    Ok(StoredDoc {
        any,
        read,
        status: row.text_opt(6).map(Arc::from),
        created_at_us: row.int(7),
    })
}

/// Makes a view's table, without the indexes that only lists need.
pub(crate) fn create_view_table(dialect: Dialect, table: &str) -> Statement {
    // Texts compare byte by byte on both databases.
    let (text, number, json) = match dialect {
        Dialect::Sqlite => ("TEXT", "INTEGER", "TEXT"),
        Dialect::Postgres => ("text COLLATE \"C\"", "bigint", "json"),
    };
    // Room on the page lets PostgreSQL update a document without touching the indexes.
    let storage = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => " WITH (fillfactor = 80)",
    };
    Statement::new(
        format!(
            "CREATE TABLE {table} (id {text} PRIMARY KEY, account_id {text}, parent_id {text}, status {text}, \
             created_at {number} NOT NULL, created_position {number} NOT NULL, position {number} NOT NULL, \
             payload {json} NOT NULL){storage}"
        ),
        vec![],
    )
}

/// The indexes that newest-first lists use; rows without the column take no room in them.
pub(crate) fn create_view_indexes(table: &str) -> Vec<Statement> {
    ["account_id", "parent_id", "status"]
        .map(|column| {
            Statement::new(
                format!(
                    "CREATE INDEX {table}_{column} ON {table} ({column}, created_position) WHERE {column} IS NOT NULL"
                ),
                vec![],
            )
        })
        .to_vec()
}

/// Name of a view's table; builds after the first of a version are numbered.
pub(crate) fn table_name(view: &dyn AnyView, build: u64) -> String {
    let (name, version) = (view.name(), view.version());
    if build == 0 {
        format!("view_{name}_v{version}")
    } else {
        format!("view_{name}_v{version}_{build}")
    }
}
