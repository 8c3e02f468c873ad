//! A real `OpenClaw` gateway: a process of its own on the loopback, with a model of ours.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Method;
use serde_json::json;

use crate::harness::{Client, wait_until};

/// Its token.
pub(crate) const TOKEN: &str = "claw-token";
/// It takes half a minute to start on two cores that it has to itself.
const STARTING: Duration = Duration::from_mins(5);

/// A gateway, and its process while that runs.
pub(crate) struct Gateway {
    modules: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Gateway {
    /// Starts the gateway that `cargo xtask test` has installed; `None` where there is none. Commands wait for
    /// approval.
    pub(crate) async fn start(folder: &Path, model: &str) -> Option<Self> {
        let modules = PathBuf::from(std::env::var_os("REEF_TEST_OPENCLAW")?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("a bound port is known").port();
        drop(listener);
        let folder = folder.join("openclaw");
        fs::create_dir_all(folder.join("state")).expect("the gateway's folder can be made");
        let offered = json!({
            "id": "reef-1", "name": "Reef 1", "reasoning": false, "input": ["text"],
            "cost": { "input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75 },
            "contextWindow": 128_000, "maxTokens": 8192,
        });
        let provider =
            json!({ "baseUrl": model, "apiKey": "k", "api": "openai-completions", "models": [offered] });
        let config = json!({
            "gateway": {
                "mode": "local", "port": port, "bind": "loopback",
                "auth": { "mode": "token", "token": "${OPENCLAW_GATEWAY_TOKEN}" },
                "controlUi": { "enabled": false },
                "http": { "endpoints": { "chatCompletions": { "enabled": true } } },
            },
            "models": {
                "mode": "replace", "providers": { "ours": provider }, "catalogRefresh": { "enabled": false },
            },
            "agents": { "defaults": {
                "workspace": folder.join("workspace"),
                "model": { "primary": "ours/reef-1" },
                "heartbeat": { "every": "0m" },
            } },
            "session": { "dmScope": "per-channel-peer" },
            "tools": { "exec": { "host": "gateway", "mode": "ask" } },
            "logging": { "file": folder.join("gateway.log") },
            "update": { "checkOnStart": false },
        });
        fs::write(folder.join("openclaw.json"), config.to_string())
            .expect("its configuration can be written");
        let mut gateway = Self {
            modules,
            folder,
            port,
            process: None,
        };
        gateway.restart().await;
        Some(gateway)
    }

    /// Its base address.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it, again after it was killed, and waits until it is ready.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let node = ["x64", "arm64"]
            .map(|architecture| self.modules.join(format!("node-linux-{architecture}/bin")))
            .into_iter()
            .find(|folder| folder.join("node").exists())
            .expect("the Node.js that the gateway wants was installed with it");
        let inherited = std::env::var("PATH").unwrap_or_default();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("a log file can be made");
        let child = Command::new(node.join("node"))
            .arg(self.modules.join("openclaw/openclaw.mjs"))
            .arg("gateway")
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", format!("{}:{inherited}", node.display()))
            .env("HOME", &self.folder)
            .env("OPENCLAW_STATE_DIR", self.folder.join("state"))
            .env("OPENCLAW_CONFIG_PATH", self.folder.join("openclaw.json"))
            .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
            .env("OPENCLAW_DISABLE_BONJOUR", "1")
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file can be shared"))
            .stderr(log)
            .spawn();
        self.process = Some(child.expect("the gateway starts"));
        let owner = Client::new(self.base(), Some(TOKEN));
        wait_until("the gateway is ready", STARTING, async || {
            let answer = owner.try_get("/readyz").await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        // Its first turn takes as long as starting did.
        let hello =
            json!({ "model": "openclaw/default", "messages": [{ "role": "user", "content": "hello" }] });
        let hello = owner
            .request(Method::POST, "/v1/chat/completions")
            .json(&hello)
            .timeout(STARTING);
        let answer = owner.send(hello).await.expect("the gateway answers");
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// Kills it, as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process can be killed");
            process.wait().expect("the process ends");
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            eprintln!("--- the gateway said\n{said}\n---");
        }
    }
}
