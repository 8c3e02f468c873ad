//! The node: what runs on a person's own machine and makes it a runtime (`reef connect`).
//!
//! It connects to each server process it is told of, does what requests ask of its [`RuntimeDriver`] (the
//! embedded worker, or a local `OpenClaw` gateway), and reports what happens there. What it reports about tasks
//! lies in a file until it is acknowledged, so it survives the connection and the process.
//!
//! **Invariants:** a report is sent again until it is acknowledged, in the order in which it happened. Log lines
//! are dropped rather than kept without bound. A path that a server names never leaves the node's folder.

mod files;
mod link;
mod outbox;
mod ports;
mod work;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use reef_commands::ports::{Clock, RuntimeDriver};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

pub use self::{files::LocalFiles, outbox::Outbox, ports::embedded_ports};
use self::{link::Ended, work::Work};

/// A connection that lasted so long was a good one: the next try comes soon.
const LASTING: Duration = Duration::from_secs(10);

/// What a node needs to know.
#[derive(Clone)]
pub struct NodeConfig {
    /// Base addresses of the server's processes, `http://` or `https://`; one connection is kept to each.
    pub servers: Vec<String>,
    /// The node token.
    pub token: Zeroizing<String>,
    /// Its own folder.
    pub state_dir: PathBuf,
    /// What works there: `embedded` or `openclaw`.
    pub engine: &'static str,
    /// A connection on which nothing came for so long is dead.
    pub silence: Duration,
}

/// Why a node stopped for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeEnd {
    /// It was told to.
    #[error("stopped")]
    Stopped,
    /// The token does not work any more.
    #[error("this machine was removed, or its token revoked")]
    Revoked,
    /// Another process with the same token connected.
    #[error("another process with this machine's token has connected")]
    Replaced,
    /// They do not understand each other.
    #[error("the server does not speak this node's protocol: {0}")]
    Protocol(String),
}

/// The node.
pub struct Node {
    config: NodeConfig,
    outbox: Arc<Outbox>,
    work: Arc<Work>,
}

impl Node {
    /// A node that has this driver do the work. `files` is where the driver keeps agents' files.
    pub fn new(
        config: NodeConfig,
        outbox: Arc<Outbox>,
        driver: Arc<dyn RuntimeDriver>,
        files: LocalFiles,
    ) -> Self {
        Self {
            work: Arc::new(Work::new(driver, files)),
            config,
            outbox,
        }
    }

    /// Connects, and connects again, until it is told to stop or must not go on. What is under way is then
    /// finished, for at most `drain`.
    pub async fn run(&self, stop: CancellationToken, drain: Duration) -> NodeEnd {
        let mut links = JoinSet::new();
        let over = CancellationToken::new();
        for server in self.config.servers.clone() {
            let (config, outbox, work) = (
                self.config.clone(),
                Arc::clone(&self.outbox),
                Arc::clone(&self.work),
            );
            links.spawn(keep_connected(server, config, outbox, work, over.clone()));
        }
        tokio::select! {
            end = ended(&mut links, &over) => return end,
            () = stop.cancelled() => {}
        }
        // What is under way can still be reported.
        tokio::select! {
            end = ended(&mut links, &over) => return end,
            drained = tokio::time::timeout(drain, self.work.drain()) => if drained.is_err() {
                tracing::warn!("some work was still under way; it is done again after the next start");
            }
        }
        over.cancel();
        ended(&mut links, &over).await
    }
}

/// How the connections ended, once all have; one that ended for good ends the others.
async fn ended(links: &mut JoinSet<NodeEnd>, over: &CancellationToken) -> NodeEnd {
    let mut end = NodeEnd::Stopped;
    while let Some(link) = links.join_next().await {
        match link {
            Ok(NodeEnd::Stopped) => {}
            Ok(fatal @ (NodeEnd::Revoked | NodeEnd::Replaced | NodeEnd::Protocol(_))) => {
                end = fatal;
                over.cancel();
            }
            Err(error) => tracing::error!(%error, "a connection ended badly"),
        }
    }
    end
}

async fn keep_connected(
    server: String,
    config: NodeConfig,
    outbox: Arc<Outbox>,
    work: Arc<Work>,
    stop: CancellationToken,
) -> NodeEnd {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(30))
        .with_jitter()
        .without_max_times();
    let mut waits = backoff.build();
    loop {
        let started = tokio::time::Instant::now();
        match link::run(&server, &config, &outbox, &work, &stop).await {
            Ended::Stopped => return NodeEnd::Stopped,
            Ended::Fatal(end) => return end,
            Ended::Lost(reason) => tracing::warn!(server, reason, "not connected"),
        }
        if started.elapsed() >= LASTING {
            waits = backoff.build();
        }
        let wait = waits.next().unwrap_or(Duration::from_secs(30));
        tracing::info!(server, wait_ms = wait.as_millis(), "connecting again soon");
        tokio::select! {
            () = stop.cancelled() => return NodeEnd::Stopped,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What a node that answers by itself works with, besides its model.
pub struct Engine {
    /// Where reports go.
    pub outbox: Arc<Outbox>,
    /// Where agents' files are.
    pub files: LocalFiles,
    /// Time.
    pub clock: Arc<dyn Clock>,
}
