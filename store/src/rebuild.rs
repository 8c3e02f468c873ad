//! Building views from the log, beside the serving ones, and switching to them.
//!
//! Events are read and folded in bulk into new tables while the old ones serve. When little is left,
//! the last events are folded under the head's lock and the registry is pointed at the new tables: no
//! append can come between. All views asked for are built in one pass over the log.

mod switch;

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use reef_commands::ports::LogError;
use reef_domain::Envelope;
use sqlx::{Connection, Executor, PgConnection};

use crate::{
    Store,
    db::Db,
    docs::{Layout, Table},
    fold::{Change, Needs, Overlay, TouchAt, touches},
    postgres,
    shared::Shared,
    sql::{DbError, Statement},
    sqlite::{self, SqliteWriter},
    store::Inner,
    tables::{create_view_indexes, create_view_table, table_name},
};

/// Events read at once.
const CHUNK: u32 = 4000;
/// Documents held before they are written out.
const HELD_DOCS: usize = 100_000;
/// Documents written in one transaction.
const WRITTEN: usize = 2000;
/// So few events may be left to fold under the head's lock.
const NEARLY: usize = 200;
/// Only one node builds at a time; any number that nobody else uses.
const BUILD_LOCK: &str = "SELECT pg_advisory_lock(7250142602)";

type Events = Vec<Arc<Envelope>>;

/// New tables in the making.
struct Build {
    shared: Arc<Shared>,
    targets: Vec<u16>,
    /// The layout with the targets' new tables.
    layout: Layout,
    overlay: Overlay,
    /// Whether documents were written out and let go of: then an unknown one must be looked for.
    spilled: bool,
    position: u64,
    events: u64,
}

/// A chunk between the two halves of folding it.
struct Folding {
    events: Events,
    touches: Vec<TouchAt>,
    needs: Needs,
}

fn corrupt(reason: String) -> LogError {
    LogError::Corrupt(reason)
}

impl Build {
    fn is_target(&self, view: u16) -> bool {
        self.targets.contains(&view)
    }

    fn begin(&mut self, events: Events) -> Result<Folding, LogError> {
        let views = &self.shared.views;
        let touches = touches(
            views,
            |view| self.is_target(view),
            events.iter().map(|event| &**event),
        )
        .map_err(|failure| corrupt(failure.reason))?;
        let mut needs = self
            .overlay
            .needs(views, None, &touches, |event| Arc::clone(&events[event]));
        if !self.spilled {
            needs = Needs::default();
        }
        Ok(Folding {
            events,
            touches,
            needs,
        })
    }

    fn finish(&mut self, folding: &Folding, children: &sqlite::Children) -> Result<(), LogError> {
        let envelope = |event: usize| Arc::clone(&folding.events[event]);
        self.overlay
            .fold(&self.shared.views, &folding.touches, children, envelope)
            .map_err(|failure| corrupt(failure.reason))?;
        self.position = folding
            .events
            .last()
            .map_or(self.position, |event| event.position);
        self.events += folding.events.len() as u64;
        Ok(())
    }

    fn changes(&mut self) -> Result<Vec<Change>, LogError> {
        self.overlay.changes(&self.shared.views).map_err(corrupt)
    }

    fn table(&self, view: u16) -> &str {
        &self.layout.tables[usize::from(view)].name
    }

    /// What the switch writes to the registry, and the tables that it makes superfluous.
    fn switch_statements(&self, old: &Layout) -> Vec<Statement> {
        let mut statements = vec![Statement::new(
            "UPDATE log_head SET revision = revision + 1, layout = layout + 1 WHERE id = 1",
            vec![],
        )];
        for &view in &self.targets {
            let folder = self.shared.views.view(view);
            statements.push(Statement::new(
                "INSERT INTO view_registry (name, version, position, table_name) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (name) DO UPDATE SET version = excluded.version, position = excluded.position, \
                 table_name = excluded.table_name",
                vec![
                    folder.name().into(),
                    folder.version().into(),
                    self.position.into(),
                    self.table(view).into(),
                ],
            ));
            if let Some(Table { name, .. }) = old
                .tables
                .get(usize::from(view))
                .filter(|old| !old.name.is_empty())
            {
                statements.push(Statement::new(format!("DROP TABLE {name}"), vec![]));
            }
        }
        statements
    }
}

fn store(inner: &Weak<Inner>) -> Result<Store, LogError> {
    let gone = || LogError::Unavailable {
        reason: "the store was closed".to_owned(),
        unknown: false,
    };
    inner.upgrade().map(Store).ok_or_else(gone)
}

/// Builds views and switches to them; `anew` also those that are served at this program's version.
/// Returns how many events were read.
pub(crate) async fn rebuild(inner: &Weak<Inner>, targets: Vec<u16>, anew: bool) -> Result<u64, LogError> {
    let turn = Arc::clone(&store(inner)?.0.building).lock_owned().await;
    let guard = lock_builds(&store(inner)?.0.db).await?;
    let result = build_all(inner, targets, anew).await;
    if let Some(conn) = guard {
        // Closing the connection gives the lock back.
        drop(conn.close().await);
    }
    drop(turn);
    result
}

/// Waits until no other node builds views. The lock lasts as long as the connection.
async fn lock_builds(db: &Db) -> Result<Option<PgConnection>, LogError> {
    let Db::Postgres { db, .. } = db else {
        return Ok(None);
    };
    let mut conn = db.dedicated().await?;
    conn.execute(sqlx::raw_sql(BUILD_LOCK))
        .await
        .map_err(DbError::from)?;
    Ok(Some(conn))
}

async fn build_all(inner: &Weak<Inner>, mut targets: Vec<u16>, anew: bool) -> Result<u64, LogError> {
    let Some(mut build) = prepare(inner, &mut targets, anew).await? else {
        return Ok(0);
    };
    let mut next = read(inner, 0).await?;
    let mut indexed = false;
    loop {
        let caught_up = next.len() < NEARLY;
        let after = next.last().map_or(build.position, |event| event.position);
        let folded = fold(inner, build, next);
        if caught_up {
            build = folded.await?;
            write_out(inner, &mut build).await?;
            if indexed {
                break;
            }
            index(inner, &build).await?;
            indexed = true;
            next = read(inner, after).await?;
        } else {
            // The next events are read while these are folded.
            let (read, folded) = tokio::join!(read(inner, after), folded);
            build = folded?;
            next = read?;
        }
    }
    let names: Vec<_> = targets
        .iter()
        .map(|view| build.shared.views.view(*view).name())
        .collect();
    let events = switch::switch(inner, build).await?;
    tracing::info!(views = names.join(","), events, "views built");
    Ok(events)
}

/// Makes the new tables.
async fn prepare(inner: &Weak<Inner>, targets: &mut Vec<u16>, anew: bool) -> Result<Option<Build>, LogError> {
    let store = store(inner)?;
    // Another node may have been faster.
    store.refresh_layout().await?;
    let serving = store.0.shared.views.layout();
    targets.retain(|view| anew || !serving.tables[usize::from(*view)].current);
    if targets.is_empty() {
        return Ok(None);
    }
    let mut layout = Layout::clone(&serving);
    let dialect = store.0.db.dialect();
    let mut statements = Vec::new();
    for &view in targets.iter() {
        let folder = store.0.shared.views.view(view);
        let table = &mut layout.tables[usize::from(view)];
        let first = table_name(folder, 0);
        let name = if *first == *table.name {
            table_name(folder, 1)
        } else {
            first
        };
        // What an interrupted build left.
        statements.push(Statement::new(format!("DROP TABLE IF EXISTS {name}"), vec![]));
        statements.push(create_view_table(dialect, &name));
        *table = Table {
            name: name.into(),
            version: folder.version(),
            current: true,
        };
    }
    store.0.db.write(statements).await?;
    Ok(Some(Build {
        shared: Arc::clone(&store.0.shared),
        targets: targets.clone(),
        layout,
        overlay: Overlay::default(),
        spilled: false,
        position: 0,
        events: 0,
    }))
}

const READ: &str = "WHERE position > $1 ORDER BY position LIMIT $2";

async fn read(inner: &Weak<Inner>, after: u64) -> Result<Events, LogError> {
    let args = vec![after.into(), CHUNK.into()];
    store(inner)?
        .0
        .db
        .events(READ, args, |event, _| event.envelope().map(Arc::new))
        .await
}

/// Folds a chunk; documents are written out when there are too many to hold.
async fn fold(inner: &Weak<Inner>, mut build: Build, events: Events) -> Result<Build, LogError> {
    let stopped = |error: tokio::task::JoinError| corrupt(format!("a build stopped: {error}"));
    if build.spilled {
        let folding = build.begin(events)?;
        let children = load(inner, &mut build, &folding.needs).await?;
        build = tokio::task::spawn_blocking(move || build.finish(&folding, &children).map(|()| build))
            .await
            .map_err(stopped)??;
    } else {
        build = tokio::task::spawn_blocking(move || {
            let folding = build.begin(events)?;
            build.finish(&folding, &HashMap::new()).map(|()| build)
        })
        .await
        .map_err(stopped)??;
    }
    if build.overlay.len() > HELD_DOCS {
        write_out(inner, &mut build).await?;
        build.overlay.clear();
        build.spilled = true;
    }
    Ok(build)
}

/// Loads what was written out before and is needed again.
async fn load(inner: &Weak<Inner>, build: &mut Build, needs: &Needs) -> Result<sqlite::Children, LogError> {
    let store = store(inner)?;
    let (shared, layout) = (Arc::clone(&build.shared), build.layout.clone());
    let (docs, children) = match &store.0.db {
        Db::Sqlite(db) => {
            let needs = needs.clone();
            db.readers
                .with(move |conn| {
                    let docs = sqlite::load_docs(conn, &shared.views, &layout, &needs)?;
                    Ok::<_, LogError>((docs, sqlite::load_children(conn, &layout, &needs)?))
                })
                .await??
        }
        Db::Postgres { db, .. } => {
            let mut conn = db.pool.acquire().await.map_err(DbError::from)?;
            let docs = postgres::load_docs(&mut conn, &shared.views, &layout, needs).await?;
            (docs, postgres::load_children(&mut conn, &layout, needs).await?)
        }
    };
    build.overlay.supply(docs);
    Ok(children)
}

/// Writes changed documents into the new tables, in transactions of bounded size.
async fn write_out(inner: &Weak<Inner>, build: &mut Build) -> Result<(), LogError> {
    let mut changes = build.changes()?;
    while !changes.is_empty() {
        let rest = changes.split_off(changes.len().min(WRITTEN));
        let part = std::mem::replace(&mut changes, rest);
        let store = store(inner)?;
        match &store.0.db {
            Db::Sqlite(db) => {
                let layout = build.layout.clone();
                store_writer(db)?
                    .run(move |writer| write_part(writer, &layout, &part))
                    .await??;
            }
            Db::Postgres { db, .. } => {
                let mut conn = db.pool.acquire().await.map_err(DbError::from)?;
                postgres::write_changes(&mut conn, &build.layout, &part).await?;
            }
        }
    }
    Ok(())
}

fn store_writer(db: &crate::db::SqliteDb) -> Result<&sqlite::WriterHandle, LogError> {
    let read_only = || LogError::Unavailable {
        reason: "opened for reading only".to_owned(),
        unknown: false,
    };
    db.writer.as_ref().ok_or_else(read_only)
}

fn write_part(writer: &mut SqliteWriter, layout: &Layout, changes: &[Change]) -> Result<(), DbError> {
    let tx = writer.conn.transaction()?;
    for change in changes {
        sqlite::write_change(&tx, &layout.tables[usize::from(change.view)].name, change)?;
    }
    tx.commit()?;
    Ok(())
}

async fn index(inner: &Weak<Inner>, build: &Build) -> Result<(), LogError> {
    let statements = build
        .targets
        .iter()
        .flat_map(|view| create_view_indexes(build.table(*view)))
        .collect();
    store(inner)?.0.db.write(statements).await?;
    Ok(())
}
