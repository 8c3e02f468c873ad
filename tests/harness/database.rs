//! The databases a test may have: a SQLite file of its own, or a database of its own on a PostgreSQL server.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use super::cluster::program;

/// Where one server, or several, keep everything. The last clone takes it away.
#[derive(Clone)]
pub(crate) struct Database {
    url: String,
    folder: Arc<tempfile::TempDir>,
    _made: Option<Arc<MadeDatabase>>,
}

impl Database {
    /// A SQLite file that no other test knows.
    pub(crate) fn sqlite() -> Self {
        let folder = folder();
        Self {
            url: format!("sqlite://{}", folder.path().join("reef.db").display()),
            folder,
            _made: None,
        }
    }

    /// A fresh database on the server that `REEF_TEST_POSTGRES_URL` names; `None`, said aloud, without one.
    pub(crate) fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("REEF_TEST_POSTGRES_URL") else {
            left_out("PostgreSQL", "REEF_TEST_POSTGRES_URL names no server");
            return None;
        };
        let made = MadeDatabase::on(&server);
        let url = made.url();
        Some(Self {
            url,
            folder: folder(),
            _made: Some(Arc::new(made)),
        })
    }

    /// A database that exists already, such as one on a cluster of the test's own.
    pub(crate) fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            folder: folder(),
            _made: None,
        }
    }

    /// As `REEF_DATABASE_URL` wants it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is a SQLite file.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// The file; SQLite only.
    pub(crate) fn file(&self) -> PathBuf {
        PathBuf::from(
            self.url
                .strip_prefix("sqlite://")
                .expect("only SQLite has a file"),
        )
    }

    /// A folder that lives as long as the database.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs one statement as the database's owner; PostgreSQL only.
    pub(crate) fn sql(&self, statement: &str) -> String {
        psql(&self.url, statement)
    }
}

fn folder() -> Arc<tempfile::TempDir> {
    Arc::new(
        tempfile::Builder::new()
            .prefix("reef-test-")
            .tempdir()
            .expect("a temporary folder"),
    )
}

/// Says aloud that something is not tested here; where CI runs, that is a failure.
pub(crate) fn left_out(what: &str, why: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "LEFT OUT: {what}: {why}; CI must have it"
    );
    eprintln!("\n!!! LEFT OUT: {what}: {why}\n");
}

/// A database made for one test, dropped with it.
struct MadeDatabase {
    server: String,
    name: String,
}

impl MadeDatabase {
    fn on(server: &str) -> Self {
        let name = format!("reef_test_{}", uuid::Uuid::new_v4().simple());
        psql(server, &format!("CREATE DATABASE {name}"));
        Self {
            server: server.to_owned(),
            name,
        }
    }

    fn url(&self) -> String {
        let mut url = reqwest::Url::parse(&self.server).expect("REEF_TEST_POSTGRES_URL is a URL");
        url.set_path(&self.name);
        url.into()
    }
}

impl Drop for MadeDatabase {
    fn drop(&mut self) {
        let dropped = Command::new(program("psql"))
            .args(["--no-psqlrc", "--quiet", "--dbname", &self.server])
            .args([
                "--command",
                &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
            ])
            .stdin(Stdio::null())
            .status();
        // A cluster that is gone has taken the database with it.
        dropped.ok();
    }
}

fn psql(url: &str, statement: &str) -> String {
    let output = Command::new(program("psql"))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
        ])
        .args(["--dbname", url, "--command", statement])
        .stdin(Stdio::null())
        .output()
        .expect("psql starts");
    assert!(
        output.status.success(),
        "psql: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
