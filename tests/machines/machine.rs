//! A machine as its owner has it: a process, its folder, and what it is on the server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use serde_json::{Value, json};

use crate::harness::{Account, Answer, LONG, Server, binary, wait_until};

/// A machine that was registered, and its process while that runs.
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) code: String,
    folder: PathBuf,
    servers: Vec<String>,
    process: Option<Child>,
}

impl Machine {
    /// Registers one; it does not run yet.
    pub(crate) async fn register(server: &Server, account: &Account, name: &str) -> Self {
        let answer = account
            .client
            .command("RegisterMachine", json!({ "name": name }))
            .await
            .ok();
        let code = answer.body["result"]["activation_code"].as_str();
        Self {
            code: code.expect("the code is shown").to_owned(),
            id: answer.id(),
            folder: server.database().folder().join(format!("machine-{name}")),
            servers: vec![server.base()],
            process: None,
        }
    }

    /// Tells it of another process of the server.
    pub(crate) fn also_to(&mut self, server: &Server) {
        self.servers.push(server.base());
    }

    /// Registers one and lets it connect with its code.
    pub(crate) async fn connected(server: &Server, account: &Account, name: &str) -> Self {
        let mut machine = Self::register(server, account, name).await;
        machine.start(&["--code", &machine.code.clone()]);
        machine.runs(account).await;
        machine
    }

    /// `reef connect` with the machine's folder and server, and these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        fs::create_dir_all(&self.folder).expect("the machine's folder can be made");
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("REEF_MODEL_PROVIDER", "none")
            .args(["connect", "--dir", "."])
            .args(self.servers.iter().flat_map(|server| ["--server", server]))
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Starts the process.
    pub(crate) fn start(&mut self, words: &[&str]) {
        let mut command = self.command(words);
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("a log file can be made");
        command.stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("the reef binary starts"));
    }

    /// Kills the process, as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process can be killed");
            process.wait().expect("the process ends");
        }
    }

    /// Asks the process to stop, and waits until it has.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let process = self.process.as_ref().expect("the process runs");
        let asked = Command::new("kill")
            .args(["-TERM", &process.id().to_string()])
            .status();
        assert!(asked.is_ok_and(|status| status.success()), "SIGTERM can be sent");
        self.ends().await
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the process runs");
        wait_until("the machine's process ends", LONG, async || {
            process.try_wait().expect("a process can be asked")
        })
        .await
    }

    /// Waits until it is a running runtime, and returns that runtime's id.
    pub(crate) async fn runs(&self, account: &Account) -> String {
        wait_until("the machine's runtime runs", LONG, async || {
            let listed = self.listed(account).await?;
            let runs = listed["runtime"]["status"] == "running" && listed["runtime"]["health"] == "healthy";
            runs.then(|| listed["runtime"]["id"].as_str().expect("an id").to_owned())
        })
        .await
    }

    /// Its line on the account's list; `None`: it is not there.
    pub(crate) async fn listed(&self, account: &Account) -> Option<Value> {
        let list = account.client.get("/v1/machines").await.ok().body;
        let mut lines = list["data"].as_array().expect("a list").iter();
        lines
            .find(|line| line["machine"]["id"] == self.id.as_str())
            .cloned()
    }

    /// Takes it off the list.
    pub(crate) async fn remove(&self, account: &Account) -> Answer {
        let body = json!({ "machine_id": self.id });
        account.client.command("RemoveMachine", body).await.ok()
    }

    /// Deploys an agent on it, and waits until it is seen to run.
    pub(crate) async fn agent(&self, account: &Account, name: &str, policy: Option<&str>) -> String {
        let runtime = self.runs(account).await;
        let template = crate::harness::template_id(&account.client).await;
        let mut body = json!({ "name": name, "template_id": template, "runtime_id": runtime });
        if let Some(policy) = policy {
            body["policy_id"] = json!(policy);
        }
        let agent = account.client.command("DeployAgent", body).await.ok().id();
        account.becomes("agents", &agent, "running").await;
        agent
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything it said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the machine said\n{}\n---", self.said());
        }
    }
}
