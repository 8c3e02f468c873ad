//! Documents in SQLite.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use reef_commands::ports::LogError;
use rusqlite::{Connection, params};

use super::run;
use crate::{
    docs::{Layout, StoredDoc, ViewSet},
    fold::{Change, Needs},
    sql::{DbError, Dialect, Statement, to_db},
    tables::{doc_columns, stored_doc_of},
};

pub(crate) fn load_docs(
    conn: &Connection,
    views: &ViewSet,
    layout: &Layout,
    needs: &Needs,
) -> Result<Vec<(u16, StoredDoc)>, LogError> {
    let mut docs = Vec::new();
    for key in &needs.docs {
        let table = &layout.tables[usize::from(key.view)].name;
        let sql = format!(
            "SELECT {} FROM {table} WHERE id = $1",
            doc_columns(Dialect::Sqlite)
        );
        let outcome = run(conn, &Statement::new(sql, vec![(&*key.id).into()]))?;
        for mut row in outcome.rows {
            docs.push((key.view, stored_doc_of(views.view(key.view), &mut row)?));
        }
    }
    Ok(docs)
}

/// Ids of stored documents by view and parent.
pub(crate) type Children = HashMap<(u16, Arc<str>), Vec<Arc<str>>>;

pub(crate) fn load_children(conn: &Connection, layout: &Layout, needs: &Needs) -> Result<Children, DbError> {
    let mut children = Children::new();
    let parents: HashSet<&(u16, Arc<str>)> = needs.parents.iter().collect();
    for (view, parent) in parents {
        let table = &layout.tables[usize::from(*view)].name;
        let sql = format!("SELECT id FROM {table} WHERE parent_id = $1");
        let outcome = run(conn, &Statement::new(sql, vec![(&**parent).into()]))?;
        let ids = outcome
            .rows
            .into_iter()
            .map(|mut row| row.text(0).into())
            .collect();
        children.insert((*view, Arc::clone(parent)), ids);
    }
    Ok(children)
}

/// Writes documents into the tables of the layout.
pub(crate) fn write_changes(conn: &Connection, layout: &Layout, changes: &[Change]) -> Result<(), DbError> {
    for change in changes {
        write_change(conn, &layout.tables[usize::from(change.view)].name, change)?;
    }
    Ok(())
}

/// Writes one document. Columns that have indexes are left alone where they stay as they are: SQLite
/// would rewrite the index entries.
pub(crate) fn write_change(conn: &Connection, table: &str, change: &Change) -> Result<(), DbError> {
    let Some(doc) = &change.now else {
        let mut delete = conn.prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?;
        delete.execute([&*change.id])?;
        return Ok(());
    };
    let read = &doc.read;
    let unmoved = change.base.as_ref().filter(|base| {
        base.read.account_id == read.account_id
            && base.read.parent_id == read.parent_id
            && base.read.created_position == read.created_position
            && base.created_at_us == doc.created_at_us
    });
    match unmoved {
        Some(base) if base.status == doc.status => {
            let sql = format!("UPDATE {table} SET position = ?2, payload = ?3 WHERE id = ?1");
            conn.prepare_cached(&sql)?
                .execute(params![&*read.id, to_db(read.position), &*read.payload])?;
        }
        Some(_) => {
            let sql = format!("UPDATE {table} SET position = ?2, payload = ?3, status = ?4 WHERE id = ?1");
            let values = params![
                &*read.id,
                to_db(read.position),
                &*read.payload,
                doc.status.as_deref()
            ];
            conn.prepare_cached(&sql)?.execute(values)?;
        }
        None => insert_doc(conn, table, doc)?,
    }
    Ok(())
}

fn insert_doc(conn: &Connection, table: &str, doc: &StoredDoc) -> Result<(), DbError> {
    let sql = format!(
        "INSERT OR REPLACE INTO {table} (id, account_id, parent_id, status, created_at, created_position, \
         position, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    );
    conn.prepare_cached(&sql)?.execute(params![
        &*doc.read.id,
        doc.read.account_id.as_ref().map(reef_domain::AccountId::as_str),
        doc.read.parent_id.as_deref(),
        doc.status.as_deref(),
        doc.created_at_us,
        to_db(doc.read.created_position),
        to_db(doc.read.position),
        &*doc.read.payload,
    ])?;
    Ok(())
}
