//! `reef connect`: makes this machine a runtime of a server, over a connection that it opens itself.

mod engine;
mod identity;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use reef_runtimes::node::{Node, NodeConfig, NodeEnd};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use self::identity::Identity;
use crate::{exit::Failure, serve::stop_on_signal};

/// How long what is under way may take to finish at the end.
const DRAIN: Duration = Duration::from_secs(10);
/// A connection on which nothing came for so long is dead; the server says something every 15 s.
const SILENCE: Duration = Duration::from_secs(45);

/// Connects this machine to a server and runs agents on it. The model is configured by the machine's own
/// environment (`REEF_MODEL_PROVIDER`, `OPENAI_API_KEY` and so on, as for the server).
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The activation code, the first time; the node token it gives is kept in the folder.
    #[arg(long, env = "REEF_ACTIVATION_CODE")]
    code: Option<String>,
    /// Address of the server; of each of its processes, if it has several. Kept with the token.
    #[arg(long = "server", env = "REEF_SERVER", value_delimiter = ',')]
    servers: Vec<String>,
    /// Folder of the token and of agents' files.
    #[arg(long, env = "REEF_NODE_DIR", default_value = "reef-node")]
    dir: PathBuf,
    /// Base address of a local `OpenClaw` gateway that does the work instead of the built-in worker.
    #[arg(long, env = "REEF_OPENCLAW_URL")]
    openclaw: Option<String>,
    /// File with the gateway's token; else `OPENCLAW_GATEWAY_TOKEN` is taken.
    #[arg(long, env = "REEF_OPENCLAW_TOKEN_FILE")]
    openclaw_token_file: Option<PathBuf>,
}

impl Connect {
    pub(crate) async fn run(self, config: &crate::config::Config) -> Result<()> {
        // What is misconfigured is told before the code is used up.
        let engine = engine::of(&self, config).await?;
        let identity = match &self.code {
            Some(code) => Identity::activate(&self.dir, code, &self.servers).await?,
            None => Identity::load(&self.dir)?,
        };
        let servers = if self.servers.is_empty() {
            identity.servers.clone()
        } else {
            self.servers.clone()
        };
        anyhow::ensure!(!servers.is_empty(), "name the server with --server http://...");
        eprintln!("machine {} ({})", identity.machine_id, identity.name);
        let node_config = NodeConfig {
            servers,
            token: Zeroizing::new(identity.token),
            state_dir: self.dir.clone(),
            engine: engine.name,
            silence: SILENCE,
        };
        let node = Node::new(node_config, engine.outbox, engine.driver, engine.files);
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        match node.run(stop, DRAIN).await {
            NodeEnd::Stopped => Ok(()),
            NodeEnd::Revoked => Err(Failure::NotAccepted(
                "this machine was removed or its token revoked; register it again for a new code".to_owned(),
            )
            .into()),
            end @ (NodeEnd::Replaced | NodeEnd::Protocol(_)) => {
                Err(end).context("the connection ended for good")
            }
        }
    }
}
