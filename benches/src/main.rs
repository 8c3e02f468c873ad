//! Reef measured side by side with the alternatives: every workload in interleaved rounds with its
//! baseline, in one run on one machine, and checked for correctness in the same run.
//!
//! Started by `cargo xtask bench`, which builds the contenders and starts the PostgreSQL they share.

#![allow(
    clippy::print_stdout,
    reason = "the table and the samples of its own subprocesses are its product"
)]

mod acknowledged;
mod append;
mod check;
mod closed_loop;
mod grown;
mod http;
mod http_load;
mod machine;
mod node;
mod plan;
mod policies;
mod preload;
mod programs;
mod rebuild;
mod report;
mod rules;
mod sample;
mod sse;
mod store;
mod stream;
mod tropic;
mod webhooks;
mod world;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::{machine::Machine, plan::Plan, report::Report};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "reef-benches", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    plan: Option<Plan>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the benches start themselves as: every contender is a process of its own.
#[derive(Subcommand)]
enum Part {
    /// One node with writers; prints a sample
    Node(node::Options),
    /// Checks a log against what was acknowledged
    Check(check::Options),
    /// Fills a log
    Preload(preload::Options),
    /// Posts to a sink with nothing but the HTTP client; prints a sample
    Post(webhooks::Options),
    /// Rebuilds every view and scans every event; prints samples
    Rebuild(rebuild::Options),
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    match (cli.part, cli.plan) {
        (Some(Part::Node(options)), _) => node::run(options).await,
        (Some(Part::Check(options)), _) => check::run(&options).await,
        (Some(Part::Preload(options)), _) => preload::run(&options).await,
        (Some(Part::Rebuild(options)), _) => rebuild::run(&options).await,
        (Some(Part::Post(options)), _) => webhooks::post(&options).await,
        (None, Some(plan)) => measure(&plan).await,
        (None, None) => bail!("start it with `cargo xtask bench`"),
    }
}

/// Workloads by name, in the order they run.
const WORKLOADS: &[&str] = &[
    "postgres-32",
    "postgres-256",
    "sqlite-32",
    "two-nodes",
    "http",
    "tropic",
    "rebuild",
    "grown",
    "sse",
    "webhooks",
];

async fn measure(plan: &Plan) -> Result<()> {
    if let Some(unknown) = plan
        .workloads
        .iter()
        .find(|name| !WORKLOADS.contains(&name.as_str()))
    {
        bail!("no workload {unknown}; there are {}", WORKLOADS.join(", "));
    }
    let mut workloads = Vec::new();
    for name in WORKLOADS {
        if !plan.workloads.is_empty() && !plan.workloads.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("--- {name}");
        workloads.extend(match *name {
            "postgres-32" => vec![append::postgres(plan, 32, 4.0, 0.8).await?],
            "postgres-256" => vec![append::postgres(plan, 256, 8.0, 1.5).await?],
            "sqlite-32" => vec![append::sqlite(plan).await?],
            "two-nodes" => vec![append::two_nodes(plan).await?],
            "http" => http::run(plan).await?,
            "tropic" => tropic::run(plan).await?,
            "rebuild" => rebuild::measure(plan).await?,
            "grown" => grown::run(plan).await?,
            "webhooks" => webhooks::run(plan).await?,
            _ => vec![stream::run(plan).await?],
        });
    }
    let version = plan.cluster().sql("postgres", "SHOW server_version").await?;
    let report = Report {
        measured_at: chrono::Utc::now().to_rfc3339(),
        mode: plan.mode(),
        machine: Machine::look(&plan.data, &version),
        workloads,
    };
    println!("{}", report.table());
    println!("\nraw samples: {}", report.keep(&plan.results)?.display());
    Ok(())
}
