//! The gate of every append workload: positions without gaps, nothing acknowledged lost or moved.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use reef_commands::ports::EventQuery;
use serde::{Deserialize, Serialize};

use crate::{acknowledged, store};

/// Events read at once.
const PAGE: u32 = 5_000;

#[derive(Args)]
pub(crate) struct Options {
    #[arg(long)]
    database_url: String,
    /// Files that nodes wrote
    #[arg(long)]
    acknowledged: Vec<PathBuf>,
}

/// What was found to hold.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checked {
    pub(crate) events: u64,
    pub(crate) acknowledged: usize,
}

impl Checked {
    pub(crate) fn gate(&self) -> String {
        format!(
            "{} events, count = highest position = head, no gap; all {} acknowledged ones in their places",
            self.events, self.acknowledged
        )
    }
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let node = store::open(&options.database_url).await?;
    let log = &node.services().log;
    let head = log.head().await?.position;
    let mut prints = Vec::new();
    loop {
        let after = prints.len() as u64;
        let page = log
            .read(&EventQuery {
                after,
                limit: PAGE,
                ..EventQuery::default()
            })
            .await?;
        if page.is_empty() {
            break;
        }
        for envelope in page {
            let expected = prints.len() as u64 + 1;
            ensure!(
                envelope.position == expected,
                "position {} follows {}",
                envelope.position,
                expected - 1
            );
            prints.push(acknowledged::fingerprint(
                &envelope.aggregate_id,
                envelope.sequence,
            ));
        }
    }
    ensure!(
        prints.len() as u64 == head,
        "{} events, but the head is at {head}",
        prints.len()
    );
    let mut count = 0;
    for file in &options.acknowledged {
        for (position, print) in acknowledged::read(file)? {
            let stored = usize::try_from(position - 1)
                .ok()
                .and_then(|index| prints.get(index));
            ensure!(
                stored == Some(&print),
                "the event acknowledged at {position} is not there"
            );
            count += 1;
        }
    }
    println!(
        "{}",
        serde_json::to_string(&Checked {
            events: head,
            acknowledged: count
        })?
    );
    Ok(())
}
