//! Who this machine is: its node token, in a file that only its owner can read.

use std::{fs, io, path::Path};

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{exit::Failure, keys::write_private};

/// What the file holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Identity {
    /// Which machine it is.
    pub(super) machine_id: String,
    /// What its owner calls it.
    pub(super) name: String,
    /// Where to connect to.
    pub(super) servers: Vec<String>,
    /// The node token.
    pub(super) token: String,
}

const FILE: &str = "machine.json";

impl Identity {
    /// The machine that was activated before.
    pub(super) fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                anyhow::bail!(
                    "{} is not there: this machine was not activated; use --code with --server",
                    path.display()
                );
            }
            text => Zeroizing::new(text.with_context(|| path.display().to_string())?),
        };
        serde_json::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// Uses the code. A machine that is activated already is not activated over.
    pub(super) async fn activate(dir: &Path, code: &str, servers: &[String]) -> Result<Self> {
        let server = servers
            .first()
            .context("name the server with --server http://...")?;
        let path = dir.join(FILE);
        anyhow::ensure!(
            !path.exists(),
            "{} is there already: this machine was activated; leave --code out, or use another --dir",
            path.display()
        );
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let answer = ask(server, code).await?;
        let text = |field: &str| {
            let text = answer["result"][field].as_str();
            text.map(str::to_owned)
                .with_context(|| format!("the server's answer has no {field}"))
        };
        let identity = Self {
            machine_id: text("machine_id")?,
            name: text("name")?,
            servers: servers.to_vec(),
            token: text("node_token")?,
        };
        let written = Zeroizing::new(serde_json::to_string_pretty(&identity)?);
        write_private(&path, written.as_bytes())?;
        eprintln!("activated; the token is kept in {}", path.display());
        Ok(identity)
    }
}

/// Has the server take the code.
async fn ask(server: &str, code: &str) -> Result<Value> {
    let url = format!("{}/v1/node/activate", server.trim_end_matches('/'));
    let sent = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(&url)
        .json(&json!({ "activation_code": code }))
        .send()
        .await;
    let answer = sent.map_err(|error| Failure::Unreachable(format!("{server}: {error}")))?;
    let status = answer.status();
    let body: Value = answer.json().await.context("the server's answer is not JSON")?;
    if status.is_success() {
        return Ok(body);
    }
    let detail = body["detail"].as_str().unwrap_or("no detail").to_owned();
    if status == StatusCode::NOT_FOUND {
        return Err(Failure::NotAccepted(detail).into());
    }
    anyhow::bail!("{status}: {detail}")
}
