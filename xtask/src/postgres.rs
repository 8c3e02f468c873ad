//! A PostgreSQL of our own: a fresh cluster in a temporary folder on a free port, gone at the end.
//!
//! Durable settings as they come (`fsync` and `synchronous_commit` on): what is tested and measured is
//! what an operator gets.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{interrupt, shell, system};

/// A running cluster; stopped and removed when dropped.
pub(crate) struct Postgres {
    url: String,
    programs: Programs,
    _stop: interrupt::Guard,
}

impl Postgres {
    /// Starts one below `parent` with `settings` such as `max_connections=200`; installs PostgreSQL where it
    /// is missing and may be installed.
    pub(crate) fn start(parent: &Path, settings: &[&str]) -> Result<Self> {
        let programs = Programs::find_or_install()?;
        let owner = Owner::find()?;
        let folder = parent.join(format!("reef-postgres-{}", random_word()?));
        fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        owner.give(&folder)?;

        let data = folder.join("data");
        let as_owner = |program: &str| {
            let mut command = Command::new(programs.path(program));
            command.current_dir(&folder).env_remove("PGDATA");
            owner.become_in(&mut command);
            command
        };
        let mut stop = as_owner("pg_ctl");
        stop.args(["stop", "--silent", "--mode=immediate", "--wait"])
            .arg(format!("--pgdata={}", data.display()));
        let stop = interrupt::guard({
            let folder = folder.clone();
            move || {
                // Fails where it never started, and then there is nothing to stop.
                shell::output(&mut stop).ok();
                fs::remove_dir_all(&folder).ok();
            }
        });

        let password = random_word()?;
        let password_file = folder.join("password");
        fs::write(&password_file, &password)?;
        owner.give(&password_file)?;
        shell::output(
            as_owner("initdb")
                .args([
                    "--username=postgres",
                    "--auth=password",
                    "--encoding=UTF8",
                    "--locale=C",
                ])
                .arg(format!("--pwfile={}", password_file.display()))
                .arg(format!("--pgdata={}", data.display())),
        )?;

        let port = free_port()?;
        let mut options = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", folder.display()),
        ];
        options.extend(settings.iter().map(ToString::to_string));
        let options: Vec<String> = options.iter().map(|option| format!("-c {option}")).collect();
        let log = folder.join("log");
        shell::run(
            "start PostgreSQL",
            as_owner("pg_ctl")
                .args(["start", "--silent", "--wait", "--timeout=60"])
                .arg(format!("--pgdata={}", data.display()))
                .arg(format!("--log={}", log.display()))
                .arg(format!("--options={}", options.join(" "))),
        )
        .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
        Ok(Self {
            url,
            programs,
            _stop: stop,
        })
    }

    /// Where it answers, as superuser.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The folder of PostgreSQL's own programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs.0
    }
}

/// The folder where a cluster may lie: the server's user must be able to reach it.
pub(crate) fn temporary_folder() -> PathBuf {
    if system::is_root() {
        PathBuf::from("/tmp")
    } else {
        std::env::temp_dir()
    }
}

/// PostgreSQL's programs.
struct Programs(PathBuf);

impl Programs {
    fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        system::install(&["postgresql"])?;
        Self::find().context("PostgreSQL was installed, but initdb and pg_ctl are not to be found")
    }

    /// Debian keeps the programs of each version off the path.
    fn find() -> Option<Self> {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((
                    entry.file_name().to_str()?.parse().ok()?,
                    entry.path().join("bin"),
                ))
            })
            .collect();
        versions.sort();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let newest_first = versions.into_iter().rev().map(|(_, folder)| folder);
        newest_first
            .chain(std::env::split_paths(&path))
            .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
            .map(Self)
    }

    fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }
}

/// Whom the cluster belongs to. PostgreSQL refuses to run as root.
struct Owner(Option<(u32, u32)>);

impl Owner {
    fn find() -> Result<Self> {
        if !system::is_root() {
            return Ok(Self(None));
        }
        let number = |flag: &str| -> Result<u32> {
            let text = shell::output(Command::new("id").args([flag, "postgres"]))
                .context("as root PostgreSQL needs the user `postgres`, which Debian's package makes")?;
            Ok(text.parse()?)
        };
        Ok(Self(Some((number("-u")?, number("-g")?))))
    }

    fn give(&self, path: &Path) -> Result<()> {
        if let Some((user, group)) = self.0 {
            std::os::unix::fs::chown(path, Some(user), Some(group))?;
        }
        Ok(())
    }

    fn become_in(&self, command: &mut Command) {
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
    }
}

fn free_port() -> Result<u16> {
    let socket = TcpListener::bind(("127.0.0.1", 0)).context("no free port on the loopback")?;
    Ok(socket.local_addr()?.port())
}

/// 32 hex digits nobody can guess: other users of the machine reach the port too.
fn random_word() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}
