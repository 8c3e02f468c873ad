//! Rebuilding every view, beside a plain scan that decodes every event and does nothing with it.

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use reef_commands::ports::EventQuery;
use serde::{Deserialize, Serialize};

use crate::{
    plan::{self, Plan},
    preload, programs,
    report::{Goal, Workload},
    sample::{Latencies, Sample},
    store,
};

/// Events read at once by the scan.
const PAGE: u32 = 5_000;

#[derive(Args)]
pub(crate) struct Options {
    #[arg(long)]
    database_url: String,
    #[arg(long)]
    rounds: usize,
}

/// One round.
#[derive(Serialize, Deserialize)]
struct Round {
    scan: Sample,
    rebuild: Sample,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let bus = store::open(&options.database_url).await?;
    let services = bus.services();
    let before = digests(&bus).await?;
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        let started = Instant::now();
        let mut scanned = 0;
        loop {
            let page = services
                .log
                .read(&EventQuery {
                    after: scanned,
                    limit: PAGE,
                    ..EventQuery::default()
                })
                .await?;
            let Some(last) = page.last() else { break };
            scanned = last.position;
        }
        let scan = sample(scanned, started);
        let started = Instant::now();
        let read = services.views.rebuild(&[]).await?;
        ensure!(read >= scanned, "the rebuild read {read} of {scanned} events");
        rounds.push(Round {
            scan,
            rebuild: sample(scanned, started),
        });
    }
    ensure!(
        digests(&bus).await? == before,
        "the rebuilt views differ from the inline ones"
    );
    println!("{}", serde_json::to_string(&rounds)?);
    Ok(())
}

/// Events as operations of one long turn.
fn sample(events: u64, started: Instant) -> Sample {
    let mut sample = Latencies::new().over(started.elapsed());
    sample.operations = events;
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
    let rate = events as f64 / sample.seconds;
    sample.rate = rate;
    sample
}

async fn digests(bus: &reef_commands::Bus) -> Result<Vec<[u8; 32]>> {
    let mut all = Vec::new();
    for view in reef_projections::views::all() {
        all.push(bus.services().views.digest(view.name()).await?);
    }
    Ok(all)
}

/// On both databases.
pub(crate) async fn measure(plan: &Plan) -> Result<Vec<Workload>> {
    let folder = plan.folder("rebuild")?;
    let sqlite = format!("sqlite://{}", folder.0.join("reef.db").display());
    let postgres = plan.cluster().fresh("reef").await?;
    let mut workloads = Vec::new();
    for (database, url) in [("SQLite", sqlite), ("PostgreSQL", postgres)] {
        preload::start(&url, plan.events_to_rebuild()).await?;
        let mut rebuild = plan::ourselves("rebuild")?;
        rebuild.args(["--database-url", &url, "--rounds", &plan.rounds().to_string()]);
        let rounds: Vec<Round> = serde_json::from_str(programs::output(&mut rebuild).await?.trim())?;
        let name = format!(
            "rebuild of all views, {database}, {} events",
            plan.events_to_rebuild()
        );
        let mut workload = Workload::new(name);
        for round in rounds {
            workload.add("plain scan", round.scan);
            workload.add("rebuild", round.rebuild);
        }
        workload.compare("rebuild", "plain scan", Goal::AtLeast(0.3));
        workload
            .gates
            .push("the rebuilt documents have the bytes of the inline ones".to_owned());
        workloads.push(workload);
    }
    Ok(workloads)
}
