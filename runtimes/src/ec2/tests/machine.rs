//! What stands for an instance: a folder that scripts are really run in, with a `systemctl` and an `aws` of
//! its own, and a gateway that answers on the loopback as OpenClaw does.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::ec2::GatewayConfig;

/// Notes what it was asked to. A unit that was started says that it has been up for a minute.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$MACHINE/systemctl.log"
case "$1" in
restart)
  restarts=$(grep -c '^restart' "$MACHINE/systemctl.log")
  echo $(( $(cut -d. -f1 /proc/uptime) * 1000000 - 60000000 + restarts )) > "$MACHINE/active" ;;
show)
  [ -e "$MACHINE/active" ] && state=active || state=inactive
  echo "ActiveState=$state"
  echo "ActiveEnterTimestampMonotonic=$(cat "$MACHINE/active" 2>/dev/null || echo 0)" ;;
esac
"#;
const AWS: &str = r#"#!/bin/sh
echo "$*" >> "$MACHINE/aws.log"
while [ "$1" != --name ]; do shift; done
cat "$MACHINE/parameters/$(echo "${2%%:*}" | tr / _)"
"#;

pub(super) struct Machine {
    folder: tempfile::TempDir,
    port: u16,
    /// Requests that the gateway was sent, and what it answers to all of them.
    pub(super) asked: Mutex<Vec<Value>>,
    pub(super) says: Mutex<(u16, Value)>,
}

impl Machine {
    pub(super) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (name, program) in [("systemctl", SYSTEMCTL), ("aws", AWS)] {
            let path = folder.path().join("bin").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, program).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let machine = Arc::new(Self {
            folder,
            port: listener.local_addr().unwrap().port(),
            asked: Mutex::default(),
            says: Mutex::new((200, said("Hello from the gateway"))),
        });
        let router = Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(complete))
            .with_state(Arc::clone(&machine));
        tokio::spawn(async move { axum::serve(listener, router).await });
        machine
    }

    pub(super) fn config(&self) -> GatewayConfig {
        let user = std::process::Command::new("id").arg("-un").output().unwrap();
        GatewayConfig {
            user: String::from_utf8(user.stdout).unwrap().trim().to_owned(),
            home: Some(self.path("home/.openclaw").display().to_string()),
            port: self.port,
            state: self.path("state").display().to_string(),
            units: self.path("units").display().to_string(),
            ..GatewayConfig::default()
        }
    }

    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// A parameter as `aws` finds it, or not any more.
    pub(super) fn keep(&self, name: &str, value: Option<&str>) {
        let file = format!("parameters/{}", name.replace('/', "_"));
        match value {
            Some(value) => self.write(&file, &json!(value).to_string()),
            None => drop(fs::remove_file(self.path(file))),
        }
    }

    /// A variable of the gateway's environment. An environment file of systemd quotes as a shell does.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let file = self.path("state/gateway.env");
        let script = r#"set -a; . "$1"; env -0"#;
        let mut shell = std::process::Command::new("sh");
        let output = shell
            .env_clear()
            .args(["-c", script, "sh"])
            .arg(file)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split('\0')
            .find_map(|line| line.strip_prefix(&format!("{name}=")).map(ToOwned::to_owned))
    }

    pub(super) fn entries(&self) -> Value {
        let config: Value = serde_json::from_str(&self.read("home/.openclaw/openclaw.json")).unwrap();
        config["agents"]["entries"].clone()
    }

    pub(super) fn restarts(&self) -> usize {
        self.read("systemctl.log")
            .lines()
            .filter(|line| line.starts_with("restart "))
            .count()
    }

    /// Runs it as the SSM agent does, and says what became of it as SSM does.
    pub(super) async fn run(&self, script: &str) -> Value {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = tokio::process::Command::new("sh")
            .args(["-c", script])
            .env_clear()
            // Python as the system has it: wrappers of other versions put themselves before everything.
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin:{path}", self.path("bin").display()),
            )
            .env("MACHINE", self.folder.path())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let cut = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .chars()
                .take(24_000)
                .collect::<String>()
        };
        json!({
            "Status": if output.status.success() { "Success" } else { "Failed" },
            "ResponseCode": output.status.code(),
            "StandardOutputContent": cut(&output.stdout),
            "StandardErrorContent": cut(&output.stderr),
        })
    }
}

pub(super) fn said(text: &str) -> Value {
    json!({
        "choices": [{ "message": { "role": "assistant", "content": text } }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 5 },
    })
}

/// Whether that is the token that systemd gives the unit.
fn is_owner(machine: &Machine, headers: &HeaderMap) -> bool {
    let token = machine.variable("OPENCLAW_GATEWAY_TOKEN");
    let bearer = token.map(|token| format!("Bearer {token}"));
    bearer.is_some()
        && headers.get("authorization").and_then(|value| value.to_str().ok()) == bearer.as_deref()
}

/// The agents of the configuration as it is now: the gateway watches that file.
async fn models(State(machine): State<Arc<Machine>>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    if !is_owner(&machine, &headers) {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": { "message": "Unauthorized" } })),
        );
    }
    let entries = machine.entries();
    let agents = entries.as_object().into_iter().flat_map(|entries| entries.keys());
    let models = agents.map(|agent| json!({ "id": format!("openclaw/{agent}") }));
    (
        StatusCode::OK,
        Json(json!({ "data": models.collect::<Vec<_>>() })),
    )
}

async fn complete(
    State(machine): State<Arc<Machine>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if !is_owner(&machine, &headers) {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": { "message": "Unauthorized" } })),
        );
    }
    machine.asked.lock().push(request);
    let (status, answer) = machine.says.lock().clone();
    (StatusCode::from_u16(status).unwrap(), Json(answer))
}
