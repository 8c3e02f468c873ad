//! The real server as a process: started, looked at, killed and started again on the same data.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use super::{
    Client, Database,
    wait::{LONG, wait_until},
};

/// The operator's key of every server here.
pub(crate) const OPERATOR_KEY: &str = "operator-key-of-the-black-box-suites";
/// Nodes on one database must wrap data keys alike.
const MASTER_KEY: &str = "7f4c1d0a9be2638855f0e1c2d3a4b59687f4c1d0a9be2638855f0e1c2d3a4b56";

/// The binary under test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_reef"))
}

/// What a server is to be started with.
pub(crate) struct Setup {
    database: Database,
    environment: BTreeMap<String, String>,
    port: u16,
    data: PathBuf,
}

impl Setup {
    /// Its own keys, no rate limit, no model provider.
    pub(crate) fn on(database: &Database) -> Self {
        Self::named(database, "data")
    }

    /// As another node on the same database, with a data folder of its own.
    pub(crate) fn named(database: &Database, node: &str) -> Self {
        let data = database.folder().join(node);
        let environment = [
            ("REEF_DATABASE_URL", database.url()),
            ("REEF_OPERATOR_KEY", OPERATOR_KEY),
            ("REEF_MASTER_KEY", MASTER_KEY),
            ("REEF_RATE_LIMIT_PER_MINUTE", "0"),
            ("REEF_MODEL_PROVIDER", "none"),
        ];
        Self {
            database: database.clone(),
            environment: environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            port: free_port(),
            data,
        }
    }

    /// With this variable set.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Starts it and waits until it says it is ready.
    pub(crate) async fn start(mut self) -> Server {
        for _ in 0..5 {
            let mut server = Server::spawn(self);
            if server.becomes_ready().await {
                return server;
            }
            let said = server.said();
            assert!(
                said.contains("in use") && said.contains("ddress"),
                "reef serve ended:\n{said}"
            );
            // Another test took the port meanwhile.
            self = server.take_setup();
            self.port = free_port();
        }
        panic!("no port stays free");
    }

    /// Starts it where it must not come up; how it ended.
    pub(crate) async fn refuses(self) -> (ExitStatus, String) {
        let mut server = Server::spawn(self);
        let ended = wait_until("the server refuses to start", LONG, async || server.ended()).await;
        (ended, server.said())
    }
}

/// A server process. Killed when dropped; what it said is shown if the test failed.
pub(crate) struct Server {
    setup: Option<Setup>,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// A server on this database, ready.
    pub(crate) async fn start(database: &Database) -> Self {
        Setup::on(database).start().await
    }

    fn spawn(setup: Setup) -> Self {
        fs::create_dir_all(&setup.data).expect("the data folder can be made");
        let log = setup.data.join("stderr.log");
        let stderr = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log file");
        let child = bare(&setup.data)
            .arg("serve")
            .env("REEF_LISTEN", format!("127.0.0.1:{}", setup.port))
            .envs(&setup.environment)
            .stdout(stderr.try_clone().expect("a file can be shared"))
            .stderr(stderr)
            .spawn()
            .expect("the reef binary starts");
        Self {
            setup: Some(setup),
            child,
            log,
        }
    }

    async fn becomes_ready(&mut self) -> bool {
        let ready = self.operator();
        let started = Instant::now();
        loop {
            if self.ended().is_some() {
                return false;
            }
            if ready
                .try_get("/readyz")
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
                return true;
            }
            assert!(
                started.elapsed() < LONG,
                "not ready within {LONG:?}:\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Cuts it off as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(asked.is_ok_and(|status| status.success()), "SIGTERM can be sent");
        wait_until("the server drains and exits", LONG, async || self.ended()).await
    }

    /// Starts it again after it ended: same address, same data.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.ended().is_some(), "it still runs");
        let mut again = Self::spawn(self.take_setup());
        assert!(again.becomes_ready().await, "reef serve ended:\n{}", again.said());
        // The old process has ended, so dropping it only looks at its log.
        *self = again;
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Everything it said so far, over all starts.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.setup().port)
    }

    /// The operator's client.
    pub(crate) fn operator(&self) -> Client {
        Client::new(self.base(), Some(OPERATOR_KEY))
    }

    /// A client with this credential, or with none.
    pub(crate) fn client(&self, key: Option<&str>) -> Client {
        Client::new(self.base(), key)
    }

    /// The database under it.
    pub(crate) fn database(&self) -> &Database {
        &self.setup().database
    }

    /// What the operator's commands beside it must be told to find it.
    pub(crate) fn surroundings(&self) -> Command {
        let setup = self.setup();
        let mut command = bare(&setup.data);
        command.env("REEF_URL", self.base()).envs(&setup.environment);
        command
    }

    fn setup(&self) -> &Setup {
        self.setup
            .as_ref()
            .expect("only a server that is being replaced has none")
    }

    fn take_setup(&mut self) -> Setup {
        self.setup
            .take()
            .expect("only a server that is being replaced has none")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            let tail = lines[lines.len().saturating_sub(60)..].join("\n");
            eprintln!("--- the server's last lines\n{tail}\n---");
        }
    }
}

/// The binary with nothing of the environment but where programs are.
fn bare(data: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("REEF_DATA_DIR", data)
        .current_dir(data)
        .stdin(Stdio::null());
    command
}

/// A port below the range that the system takes outgoing connections from, so that a server finds its own
/// again after a restart.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = std::process::id() % 1_000;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let start = u16::try_from(process).unwrap_or(0) * 12;
        let port = 20_000 + (start + step) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
