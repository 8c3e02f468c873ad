//! Opening a store.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use reef_commands::ports::{Clock, LogError};
use reef_projections::AnyView;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::{
    db::{Db, SqliteDb},
    docs::{Layout, ViewSet},
    error::StoreError,
    memory::HeadState,
    postgres::{self, PgDb},
    rebuild::rebuild,
    schema,
    shared::Shared,
    sql::{Dialect, Statement},
    sqlite::{self, Readers},
    vault::Keys,
};

/// Pause after a build in the background failed.
const RETRY: Duration = Duration::from_secs(5);

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) shared: Arc<Shared>,
    pub(crate) keys: Keys,
    pub(crate) read_only: bool,
    /// Held while views are built.
    pub(crate) building: Arc<tokio::sync::Mutex<()>>,
}

/// The event log, its views, checkpoints, workspace files and the vault, on SQLite or PostgreSQL.
/// Cheap to clone. When the last clone is dropped, what was handed in is still committed.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

/// What a URL names.
enum Place {
    File(PathBuf),
    Server,
}

fn place(url: &str, data_dir: &Path) -> Result<Place, StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Place::Server);
    }
    let bad = || StoreError::Url(url.to_owned());
    let path = url.strip_prefix("sqlite://").ok_or_else(bad)?;
    if path.is_empty() || path.ends_with('/') || path.contains(['?', '#']) {
        return Err(bad());
    }
    Ok(Place::File(data_dir.join(path)))
}

impl Store {
    /// Opens the database, makes or migrates its schema, and builds views that it does not have. Views
    /// of an older version go on serving while new ones are built in the background.
    ///
    /// `url` is `sqlite:///path` (a relative `sqlite://path` is below `data_dir`) or `postgres://...`.
    pub async fn open(
        url: &str,
        data_dir: &Path,
        views: Vec<Box<dyn AnyView>>,
        master_key: Zeroizing<[u8; 32]>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let place = place(url, data_dir)?;
        let alone = matches!(place, Place::File(_));
        let shared = Arc::new(Shared::new(ViewSet::new(views), clock, alone));
        let keys = Keys::new(master_key);
        let db = match place {
            Place::File(path) => open_file(path, &shared).await?,
            Place::Server => open_server(url, &shared).await?,
        };
        let store = Self(Arc::new(Inner {
            db,
            shared,
            keys,
            read_only: false,
            building: Arc::default(),
        }));
        store.check_restored().await?;
        store.check_master_key().await?;
        if store.0.db.dialect() == Dialect::Sqlite {
            store.retire_unknown_views().await?;
        }
        store.build_views().await?;
        Ok(store)
    }

    /// Opens an existing database for reading: works beside a running server, changes nothing.
    pub async fn open_read_only(
        url: &str,
        data_dir: &Path,
        views: Vec<Box<dyn AnyView>>,
        master_key: Zeroizing<[u8; 32]>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::new(ViewSet::new(views), clock, false));
        let keys = Keys::new(master_key);
        let db = match place(url, data_dir)? {
            Place::File(path) => {
                let readers = Readers::new(path.clone());
                let missing = || StoreError::Unavailable(format!("{} cannot be opened", path.display()));
                readers.with(sqlite_check).await.map_err(|_| missing())??;
                Db::Sqlite(SqliteDb {
                    readers,
                    writer: None,
                })
            }
            Place::Server => {
                let db = PgDb::connect(url, true).await?;
                let mut conn = db.dedicated().await?;
                schema::check_postgres(&mut conn).await?;
                Db::Postgres { db, writer: None }
            }
        };
        let store = Self(Arc::new(Inner {
            db,
            shared,
            keys,
            read_only: true,
            building: Arc::default(),
        }));
        store.check_restored().await?;
        store.check_master_key().await?;
        store.refresh_layout().await?;
        Ok(store)
    }

    /// Reads anew which tables serve the views.
    pub(crate) async fn refresh_layout(&self) -> Result<(), LogError> {
        let head = Statement::new("SELECT layout FROM log_head WHERE id = 1", vec![]);
        let number = self.0.db.fetch(head).await?.first().map_or(0, |row| row.int(0));
        let rows = self.0.db.fetch(registry()).await?;
        self.0
            .shared
            .views
            .set_layout(Layout::from_registry(&self.0.shared.views, number, rows));
        Ok(())
    }

    /// Drops views that this program no longer has: without their folds they would go stale. Not where
    /// another node may still serve them: there an unknown view means that this program is too old, and
    /// one that is given up is dropped by a migration.
    async fn retire_unknown_views(&self) -> Result<(), StoreError> {
        let mut statements = Vec::new();
        for mut row in self.0.db.fetch(registry()).await? {
            let (name, table) = (row.text(0), row.text(2));
            if self.0.shared.views.index(&name).is_err() {
                tracing::info!(view = name, "dropping a view that this program does not have");
                statements.push(Statement::new(
                    "DELETE FROM view_registry WHERE name = $1",
                    vec![name.into()],
                ));
                statements.push(Statement::new(format!("DROP TABLE IF EXISTS {table}"), vec![]));
            }
        }
        if !statements.is_empty() {
            let bump = "UPDATE log_head SET revision = revision + 1, layout = layout + 1 WHERE id = 1";
            statements.push(Statement::new(bump, vec![]));
            self.0.db.write(statements).await?;
            self.resync().await?;
        }
        Ok(())
    }

    /// After the head was moved by other means than an append.
    pub(crate) async fn resync(&self) -> Result<(), StoreError> {
        if let Db::Sqlite(SqliteDb {
            writer: Some(writer), ..
        }) = &self.0.db
        {
            writer.run(sqlite::SqliteWriter::resync).await??;
        }
        self.refresh_layout().await?;
        Ok(())
    }

    async fn build_views(&self) -> Result<(), StoreError> {
        self.refresh_layout().await?;
        let layout = self.0.shared.views.layout();
        if let Some(reason) = &layout.ahead {
            return Err(StoreError::Schema(reason.clone()));
        }
        let tables = || (0_u16..).zip(&layout.tables);
        let missing: Vec<u16> = tables()
            .filter(|(_, table)| table.name.is_empty())
            .map(|(view, _)| view)
            .collect();
        let outdated = tables().filter(|(_, table)| !table.name.is_empty() && !table.current);
        let outdated: Vec<u16> = outdated.map(|(view, _)| view).collect();
        if !missing.is_empty() {
            rebuild(&Arc::downgrade(&self.0), missing, false).await?;
        }
        if !outdated.is_empty() {
            tokio::spawn(build_in_background(Arc::downgrade(&self.0), outdated));
        }
        Ok(())
    }
}

/// The registry of views, for [`Layout::from_registry`].
pub(crate) fn registry() -> Statement {
    Statement::new(
        "SELECT name, version, table_name FROM view_registry ORDER BY name",
        vec![],
    )
}

/// The old versions serve until this has succeeded, however long it takes.
async fn build_in_background(inner: Weak<Inner>, views: Vec<u16>) {
    while inner.strong_count() > 0 {
        match rebuild(&inner, views.clone(), false).await {
            Ok(_) => return,
            Err(error) => tracing::error!(%error, "building new versions of views failed; trying again"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn sqlite_check(conn: &rusqlite::Connection) -> Result<(), StoreError> {
    schema::check_sqlite(conn)
}

async fn open_file(path: PathBuf, shared: &Arc<Shared>) -> Result<Db, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let (readers, shared) = (Readers::new(path.clone()), Arc::clone(shared));
    let opened = tokio::task::spawn_blocking(move || {
        let mut claimed = sqlite::claim(&path)?;
        schema::migrate_sqlite(&mut claimed.conn)?;
        // Nobody else has this file, so whoever held a lease is dead: nothing waits for it to lapse.
        claimed
            .conn
            .execute("UPDATE leases SET holder = '', expires_at = 0", [])
            .map_err(crate::sql::DbError::from)?;
        let head: HeadState = sqlite::read_head(&claimed.conn)?;
        shared.start_at(&head);
        sqlite::WriterHandle::start(claimed, head, shared)
    });
    let writer = opened
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))??;
    Ok(Db::Sqlite(SqliteDb {
        readers,
        writer: Some(writer),
    }))
}

async fn open_server(url: &str, shared: &Arc<Shared>) -> Result<Db, StoreError> {
    let db = PgDb::connect(url, false).await?;
    let mut conn = db.dedicated().await?;
    schema::migrate_postgres(&mut conn).await?;
    let head = postgres::read_head(&mut conn, false).await?;
    shared.start_at(&head);
    let behind = Arc::new(Notify::new());
    tokio::spawn(postgres::tail(
        db.clone(),
        Arc::downgrade(shared),
        Arc::clone(&behind),
    ));
    let writer = postgres::WriterHandle::start(db.clone(), head, Arc::clone(shared), behind);
    Ok(Db::Postgres {
        db,
        writer: Some(writer),
    })
}
