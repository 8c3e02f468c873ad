//! Switching to new tables under the head's lock.

use std::sync::{Arc, Weak};

use reef_commands::ports::LogError;
use sqlx::{Connection, Executor};

use super::{Build, READ, store, store_writer};
use crate::{
    db::Db,
    docs::Layout,
    postgres::{self, PgDb},
    sql::{DbError, Dialect},
    sqlite::{self, SqliteWriter},
    store::Inner,
};

/// Folds what is left under the head's lock and points the registry at the new tables.
pub(super) async fn switch(inner: &Weak<Inner>, mut build: Build) -> Result<u64, LogError> {
    let store = store(inner)?;
    match &store.0.db {
        Db::Sqlite(db) => {
            store_writer(db)?
                .run(move |writer| switch_sqlite(writer, &mut build))
                .await?
        }
        Db::Postgres { db, .. } => {
            let events = switch_postgres(db, &mut build).await?;
            store.refresh_layout().await?;
            store.0.shared.docs.invalidate();
            Ok(events)
        }
    }
}

fn switch_sqlite(writer: &mut SqliteWriter, build: &mut Build) -> Result<u64, LogError> {
    let shared = Arc::clone(&build.shared);
    let old = shared.views.layout();
    let tx = writer.conn.transaction().map_err(DbError::from)?;
    let sql = format!(
        "SELECT {}, leaf_hash FROM events {READ}",
        crate::tables::event_columns(Dialect::Sqlite)
    );
    let args = [build.position.into(), u32::MAX.into()];
    let rest = sqlite::run_events(&tx, &sql, &args, |event, _| event.envelope().map(Arc::new))?;
    let folding = build.begin(rest)?;
    build.overlay.supply(sqlite::load_docs(
        &tx,
        &shared.views,
        &build.layout,
        &folding.needs,
    )?);
    let children = sqlite::load_children(&tx, &build.layout, &folding.needs)?;
    build.finish(&folding, &children)?;
    for change in build.changes()? {
        sqlite::write_change(&tx, build.table(change.view), &change)?;
    }
    for statement in build.switch_statements(&old) {
        sqlite::run(&tx, &statement)?;
    }
    tx.commit().map_err(DbError::from)?;
    // Not the build's own copy: other views may have been switched meanwhile.
    let mut layout = Layout::clone(&old);
    layout.number += 1;
    for &view in &build.targets {
        layout.tables[usize::from(view)] = build.layout.tables[usize::from(view)].clone();
    }
    shared.views.set_layout(layout);
    writer.resync()?;
    Ok(build.events)
}

async fn switch_postgres(db: &PgDb, build: &mut Build) -> Result<u64, LogError> {
    let mut conn = db.dedicated().await?;
    // Whoever reads the old tables for long (a backup) must not hold up the whole log.
    conn.execute(sqlx::raw_sql("BEGIN; SET LOCAL lock_timeout = '5s'"))
        .await
        .map_err(DbError::from)?;
    let head = postgres::read_head(&mut conn, true).await?;
    let shared = Arc::clone(&build.shared);
    let old = postgres::read_registry(&mut conn, &shared.views, head.layout).await?;
    let sql = format!(
        "SELECT {}, leaf_hash FROM events {READ}",
        crate::tables::event_columns(Dialect::Postgres)
    );
    let args = [build.position.into(), u32::MAX.into()];
    let rest = postgres::run_events(&mut conn, sql, &args, |event, _| event.envelope().map(Arc::new)).await?;
    let folding = build.begin(rest)?;
    let docs = postgres::load_docs(&mut conn, &shared.views, &build.layout, &folding.needs).await?;
    build.overlay.supply(docs);
    let children = postgres::load_children(&mut conn, &build.layout, &folding.needs).await?;
    build.finish(&folding, &children)?;
    let changes = build.changes()?;
    postgres::write_changes(&mut conn, &build.layout, &changes).await?;
    for statement in build.switch_statements(&old) {
        postgres::run(&mut conn, &statement).await?;
    }
    conn.execute("COMMIT").await.map_err(DbError::from)?;
    drop(conn.close().await);
    Ok(build.events)
}
