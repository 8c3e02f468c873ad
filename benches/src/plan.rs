//! What to measure, how long, and with which programs.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Args;
use tokio::process::Command;

use crate::programs::Cluster;

/// Options of a run, as `cargo xtask bench` passes them.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Three rounds
    #[arg(long)]
    quick: bool,
    /// Five longer rounds
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// A superuser's URL of a cluster for us alone
    #[arg(long)]
    postgres_url: String,
    /// Folder of `psql` and `pgbench`
    #[arg(long)]
    postgres_programs: PathBuf,
    /// Folder of the baselines' programs
    #[arg(long)]
    baselines: PathBuf,
    /// The `reef` program
    #[arg(long)]
    pub(crate) reef: PathBuf,
    /// Folder for databases
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Folder for the results
    #[arg(long)]
    pub(crate) results: PathBuf,
    /// Only these; all when none is named
    pub(crate) workloads: Vec<String>,
}

impl Plan {
    pub(crate) fn mode(&self) -> &'static str {
        if self.full { "full" } else { "quick" }
    }

    /// Rounds per workload.
    pub(crate) fn rounds(&self) -> usize {
        if self.full { 5 } else { 3 }
    }

    /// Length of one contender's turn in a round.
    pub(crate) fn turn(&self) -> Duration {
        Duration::from_secs(if self.full { 8 } else { 4 })
    }

    /// Length of the log whose views are rebuilt.
    pub(crate) fn events_to_rebuild(&self) -> usize {
        if self.full { 1_000_000 } else { 200_000 }
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster {
            url: self.postgres_url.clone(),
            programs: self.postgres_programs.clone(),
        }
    }

    /// One of the baselines' programs.
    pub(crate) fn baseline(&self, name: &str) -> Command {
        Command::new(self.baselines.join(name))
    }

    /// An empty folder of that name for one workload's databases, gone when dropped.
    pub(crate) fn folder(&self, name: &str) -> Result<Folder> {
        let path = self
            .data
            .join(format!("reef-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

/// A folder that is removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// This program again, as one of its parts.
pub(crate) fn ourselves(part: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(part).kill_on_drop(true);
    Ok(command)
}
