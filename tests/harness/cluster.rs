//! A PostgreSQL cluster of the test's own, for tests that stop the database under the server.

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A running cluster with durable settings; stopped and removed when dropped.
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    owner: Option<(u32, u32)>,
}

impl Cluster {
    /// Makes and starts one; `None` where PostgreSQL's programs are not to be found.
    pub(crate) fn start() -> Option<Self> {
        find_program("initdb")?;
        // Not `temp_dir()`: the user that PostgreSQL runs as must be able to reach it.
        let folder = PathBuf::from(format!("/tmp/reef-cluster-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&folder).expect("/tmp can be written");
        let owner = owner();
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).expect("root may give folders away");
        }
        let cluster = Self {
            folder,
            port: free_port(),
            owner,
        };
        let data = cluster.data();
        cluster.run(
            "initdb",
            &[
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--pgdata",
                &data,
            ],
        );
        cluster.resume();
        Some(cluster)
    }

    /// Where its first database answers, as superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it as a crash would: connections are cut, nothing is finished.
    pub(crate) fn crash(&self) {
        self.run(
            "pg_ctl",
            &[
                "stop",
                "--silent",
                "--mode=immediate",
                "--wait",
                "--pgdata",
                &self.data(),
            ],
        );
    }

    /// Starts it again on the same data.
    pub(crate) fn resume(&self) {
        let options = format!(
            "-c port={} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c max_connections=60",
            self.port,
            self.folder.display()
        );
        let log = self.folder.join("log").display().to_string();
        self.run(
            "pg_ctl",
            &[
                "start",
                "--silent",
                "--wait",
                "--pgdata",
                &self.data(),
                "--log",
                &log,
                "--options",
                &options,
            ],
        );
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn run(&self, name: &str, arguments: &[&str]) {
        let log = self.folder.join(format!("{name}.out"));
        let file = fs::File::create(&log).expect("the cluster's folder can be written");
        let mut command = Command::new(program(name));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        // A file and no pipe: the server that `pg_ctl` starts keeps them open.
        command
            .stdout(file.try_clone().expect("a file can be shared"))
            .stderr(file)
            .env_remove("PGDATA");
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        let status = command.status().expect("PostgreSQL's programs start");
        let said = fs::read_to_string(&log).unwrap_or_default();
        assert!(status.success(), "{name} {arguments:?}: {said}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = Command::new(program("pg_ctl"));
        stop.args(["stop", "--silent", "--mode=immediate", "--pgdata", &self.data()])
            .current_dir("/");
        if let Some((user, group)) = self.owner {
            stop.uid(user).gid(group);
        }
        // It may be stopped already, and the folder is temporary.
        stop.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Whom the cluster belongs to: PostgreSQL refuses to run as root.
fn owner() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id")
            .args(arguments)
            .output()
            .expect("`id` is everywhere");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))
}

fn free_port() -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on the loopback");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// One of PostgreSQL's programs, which must be there.
pub(crate) fn program(name: &str) -> PathBuf {
    find_program(name).unwrap_or_else(|| panic!("PostgreSQL's {name} is not to be found"))
}

/// Debian keeps the programs of each version off the path.
fn find_program(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest_first = folders.into_iter().rev().map(|(_, folder)| folder);
    newest_first
        .chain(std::env::split_paths(&path))
        .map(|folder| Path::join(&folder, name))
        .find(|candidate| candidate.exists())
}
