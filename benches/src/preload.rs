//! Fills a log with events of the ordinary kind, through the command bus.

use std::sync::Arc;

use anyhow::{Result, ensure};
use clap::Args;
use tokio::task::JoinSet;

use crate::{plan, policies::Policies, programs, store};

/// Commands under way at once.
const MAKERS: usize = 256;
/// Events per policy: it is made, and then changed so often less one.
const EVENTS_PER_POLICY: usize = 4;

#[derive(Args)]
pub(crate) struct Options {
    #[arg(long)]
    database_url: String,
    /// How many events
    #[arg(long)]
    events: usize,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let bus = store::open(&options.database_url).await?;
    let count = options.events / EVENTS_PER_POLICY;
    let policies = Arc::new(Policies::make(bus.clone(), "preload", count).await?);
    let mut makers = JoinSet::new();
    for first in 0..MAKERS {
        let policies = Arc::clone(&policies);
        makers.spawn(async move {
            for version in 1..EVENTS_PER_POLICY {
                for index in (first..count).step_by(MAKERS) {
                    policies.update(index, version).await?;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = makers.join_next().await {
        done??;
    }
    let head = bus.services().log.head().await?.position;
    ensure!(head >= options.events as u64, "{head} events only");
    Ok(())
}

/// Preloads in a process of its own.
pub(crate) async fn start(url: &str, events: usize) -> Result<()> {
    eprintln!("    preloading {events} events");
    let mut preload = plan::ourselves("preload")?;
    preload.args(["--database-url", url, "--events", &events.to_string()]);
    programs::output(&mut preload).await?;
    Ok(())
}
