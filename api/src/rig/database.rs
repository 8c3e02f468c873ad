//! The databases a test may have: a SQLite file in its folder, or a database of its own on a PostgreSQL server.

use std::{
    process::{Command, Stdio},
    time::SystemTime,
};

/// Where a rig keeps everything.
pub(crate) enum Database {
    /// A file in the rig's folder.
    Sqlite,
    /// Made for one test, and dropped with it.
    Postgres {
        server: String,
        name: String,
        url: String,
    },
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite
    }

    /// A fresh database on the server that `REEF_TEST_POSTGRES_URL` names; `None`, said aloud, without one.
    pub(crate) fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("REEF_TEST_POSTGRES_URL") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "LEFT OUT: PostgreSQL: REEF_TEST_POSTGRES_URL names no server; CI must have it"
            );
            eprintln!("\n!!! LEFT OUT: PostgreSQL: REEF_TEST_POSTGRES_URL names no server\n");
            return None;
        };
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let name = format!("reef_api_{}_{now}", std::process::id());
        psql(&server, &format!("CREATE DATABASE {name}"));
        let (base, _) = server.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}");
        Some(Self::Postgres { server, name, url })
    }

    /// As the store wants it.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Sqlite => "sqlite://reef.db",
            Self::Postgres { url, .. } => url,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name, .. } = self {
            psql(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

fn psql(url: &str, statement: &str) {
    let output = Command::new("psql")
        .args([
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            url,
        ])
        .args(["--command", statement])
        .stdin(Stdio::null())
        .output()
        .expect("psql starts");
    assert!(
        output.status.success(),
        "psql: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
