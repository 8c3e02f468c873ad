//! A database of its own for each test.

use std::{
    future::Future,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use reef_commands::ports::{Clock, SystemClock};
use reef_projections::AnyView;
use reef_store::{Store, StoreError};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use zeroize::Zeroizing;

use super::sample;

pub(crate) const VARIABLE: &str = "REEF_TEST_POSTGRES_URL";

/// Which database a test runs on.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) dir: PathBuf,
}

/// A clock that stands still until it is moved.
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn at(micros: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(micros)))
    }

    pub(crate) fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(crate) fn master(byte: u8) -> Zeroizing<[u8; 32]> {
    Zeroizing::new([byte; 32])
}

impl Database {
    pub(crate) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    pub(crate) async fn open(&self) -> Store {
        self.open_with(sample::views()).await
    }

    pub(crate) async fn open_with(&self, views: Vec<Box<dyn AnyView>>) -> Store {
        self.try_open(views, master(7), Arc::new(SystemClock))
            .await
            .unwrap()
    }

    pub(crate) async fn open_at(&self, clock: Arc<HandClock>) -> Store {
        self.try_open(sample::views(), master(7), clock).await.unwrap()
    }

    pub(crate) async fn open_read_only(&self) -> Result<Store, StoreError> {
        Store::open_read_only(
            &self.url,
            &self.dir,
            sample::views(),
            master(7),
            Arc::new(SystemClock),
        )
        .await
    }

    pub(crate) async fn try_open(
        &self,
        views: Vec<Box<dyn AnyView>>,
        key: Zeroizing<[u8; 32]>,
        clock: Arc<dyn Clock>,
    ) -> Result<Store, StoreError> {
        Store::open(&self.url, &self.dir, views, key, clock).await
    }

    /// Runs SQL behind the store's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        if self.is_postgres() {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            conn.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
        } else {
            let conn = rusqlite::Connection::open(self.dir.join("reef.db")).unwrap();
            conn.execute_batch(sql).unwrap();
        }
    }
}

pub(crate) fn on_file() -> Database {
    let dir = std::env::temp_dir().join(format!("reef-store-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&dir).unwrap();
    Database {
        url: format!("sqlite://{}", dir.join("reef.db").display()),
        dir,
    }
}

pub(crate) async fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Database) -> F) {
    let database = on_file();
    test(database.clone()).await;
    std::fs::remove_dir_all(database.dir).unwrap();
}

/// The server's URL. Without one the test is left out, which is said aloud; not in CI.
pub(crate) fn server() -> Option<String> {
    if let Ok(url) = std::env::var(VARIABLE) {
        return Some(url);
    }
    assert!(std::env::var_os("CI").is_none(), "{VARIABLE} must be set in CI");
    eprintln!("LEFT OUT: {VARIABLE} is not set, PostgreSQL is not tested");
    None
}

/// A new database on the server, and the connection that may drop it.
pub(crate) async fn on_server() -> Option<(Database, String)> {
    let server = server()?;
    let name = format!("reef_{}", uuid::Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    admin
        .execute(sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))))
        .await
        .unwrap();
    let (before, parameters) = server
        .split_once('?')
        .map_or((server.as_str(), None), |(a, b)| (a, Some(b)));
    let root = before
        .rfind('/')
        .filter(|slash| *slash > before.find("//").unwrap() + 1);
    let mut url = format!("{}/{name}", &before[..root.unwrap_or(before.len())]);
    if let Some(parameters) = parameters {
        url = format!("{url}?{parameters}");
    }
    let Database { dir, .. } = on_file();
    Some((Database { url, dir }, name))
}

pub(crate) async fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(Database) -> F) {
    let Some((database, name)) = on_server().await else {
        return;
    };
    test(database.clone()).await;
    let mut admin = PgConnection::connect(&server().unwrap()).await.unwrap();
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.execute(sqlx::raw_sql(AssertSqlSafe(drop))).await.unwrap();
    std::fs::remove_dir_all(database.dir).unwrap();
}

/// Runs each test of a module on both databases.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    crate::contract::fixture::on_sqlite(super::$test).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    crate::contract::fixture::on_postgres(super::$test).await;
                }
            )*
        }
    };
}
pub(crate) use on_both;
