//! A running server, an account on it, and what the HTTP workloads are about.

use std::{
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::{
    http_load::{self, Connection},
    machine, rules, store,
};

/// Bearer token of the operator on every server that the benches start.
pub(crate) const OPERATOR: &str = "bench-operator-key-of-one-run";
/// How long a server may take until it is ready before the run is given up.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server as a process of its own; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start until `/readyz` said so.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `command` with everything configured by environment, and waits until it is ready.
    pub(crate) async fn start(command: &mut Command, database_url: &str, data: &Path) -> Result<Self> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let started = Instant::now();
        let child = command
            .env("REEF_LISTEN", address.to_string())
            .env("REEF_DATABASE_URL", database_url)
            .env("REEF_DATA_DIR", data)
            .env("REEF_OPERATOR_KEY", OPERATOR)
            .env("REEF_MASTER_KEY", hex::encode(store::MASTER_KEY))
            // Far above what is measured: the limiter counts, but it does not refuse.
            .env("REEF_RATE_LIMIT_PER_MINUTE", "100000000")
            .env("REEF_BENCH_ROUTES", "true")
            .env("REEF_LOG", "warn")
            .env("REEF_MODEL_PROVIDER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut server = Self {
            child,
            address,
            ready_after: Duration::ZERO,
        };
        while !server.is_ready().await {
            ensure!(started.elapsed() < PATIENCE, "the server did not become ready");
            ensure!(
                server.child.try_wait()?.is_none(),
                "the server ended instead of becoming ready"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else {
            return false;
        };
        let asked = connection
            .ask(&http_load::request("GET", "/readyz", OPERATOR, "", ""))
            .await;
        asked.is_ok_and(|answer| answer.status == 200)
    }

    /// Memory of the process that is in RAM, MiB.
    pub(crate) fn resident_mib(&self) -> u64 {
        let file = format!("/proc/{}/status", self.child.id().unwrap_or(0));
        let text = machine::line_of(&file, "VmRSS:");
        text.split_whitespace()
            .next()
            .and_then(|kib| kib.parse::<u64>().ok())
            .unwrap_or(0)
            / 1024
    }

    /// Drains and ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let id = self.child.id().context("it runs")?;
        Command::new("kill").arg(id.to_string()).status().await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// One account's client.
pub(crate) struct Client {
    connection: Connection,
    pub(crate) token: String,
}

impl Client {
    pub(crate) async fn new(address: SocketAddr, token: &str) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(address).await?,
            token: token.to_owned(),
        })
    }

    /// Sends a command; its answer.
    pub(crate) async fn command(&mut self, name: &str, body: &Value) -> Result<Value> {
        let path = format!("/v1/commands/{name}");
        self.ask(&http_load::request(
            "POST",
            &path,
            &self.token,
            "",
            &body.to_string(),
        ))
        .await
    }

    /// Reads something.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Value> {
        self.ask(&http_load::request("GET", path, &self.token, "", ""))
            .await
    }

    async fn ask(&mut self, request: &[u8]) -> Result<Value> {
        let answer = self.connection.ask(request).await?;
        ensure!(
            answer.status == 200,
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(answer.body)
        );
        Ok(serde_json::from_slice(answer.body)?)
    }
}

/// An account with a key, a policy and an agent.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) policy: String,
    pub(crate) agent: String,
}

impl World {
    /// Of an account whose agents get a runtime at once: the agent takes tasks up and works on them.
    pub(crate) async fn make(address: SocketAddr) -> Result<Self> {
        let mut world = Self::of_dialect(address, "native").await?;
        let path = format!("/v1/views/agents/{}", world.agent);
        let started = Instant::now();
        while world.client.get(&path).await?["status"] != "running" {
            ensure!(started.elapsed() < PATIENCE, "the agent does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(world)
    }

    /// Of a dialect in which agents wait until their user has a runtime: tasks are taken, and wait.
    pub(crate) async fn waiting(address: SocketAddr) -> Result<Self> {
        Self::of_dialect(address, "tropic").await
    }

    async fn of_dialect(address: SocketAddr, dialect: &str) -> Result<Self> {
        let mut operator = Client::new(address, OPERATOR).await?;
        // Servers may share a database over rounds, and e-mails are unique.
        let email = format!("bench-{}@example.com", chrono::Utc::now().timestamp_micros());
        let account = json!({ "name": "Bench", "owner_email": email, "dialect": dialect });
        let account = id_of(&operator.command("RegisterAccount", &account).await?)?;
        let credits = json!({ "account_id": account, "amount_micro": 1_000_000_000_u64 });
        operator.command("GrantCredits", &credits).await?;
        let key = json!({ "account_id": account, "name": "bench" });
        let key = operator.command("IssueApiKey", &key).await?;
        let key = key["result"]["key"].as_str().context("the key is shown once")?;

        let mut client = Client::new(address, key).await?;
        let policy = json!({ "name": "Bench", "rules": rules::text(0, 0) });
        let policy = id_of(&client.command("CreatePolicy", &policy).await?)?;
        let permissive = json!({ "name": "Work", "rules": "ALLOW: summarise reports" });
        let permissive = id_of(&client.command("CreatePolicy", &permissive).await?)?;
        let templates = client.get("/v1/views/templates?limit=1").await?;
        let template = &templates["data"][0]["id"];
        let agent = json!({ "name": "Bench", "template_id": template, "policy_id": permissive });
        let agent = id_of(&client.command("DeployAgent", &agent).await?)?;
        Ok(Self {
            client,
            policy,
            agent,
        })
    }

    /// The log's end, once nothing is under way any more: no contender pays for another's work.
    pub(crate) async fn quiet(&mut self) -> Result<u64> {
        const STILL: Duration = Duration::from_millis(500);
        let mut last = None;
        loop {
            let page = self.client.get("/v1/views/policies?limit=1").await?;
            let position = page["position"].as_u64().context("a page has a position")?;
            if last == Some(position) {
                return Ok(position);
            }
            last = Some(position);
            tokio::time::sleep(STILL).await;
        }
    }
}

fn id_of(answer: &Value) -> Result<String> {
    Ok(answer["aggregate"]["id"]
        .as_str()
        .context("an answer names its aggregate")?
        .to_owned())
}
