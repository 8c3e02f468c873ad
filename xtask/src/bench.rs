//! `cargo xtask bench`: builds Reef and its baselines optimised, starts a PostgreSQL for them, and measures.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use clap::Args;

use crate::{postgres::Postgres, shell};

/// Stock event stores, each a crate of its own: they pin other versions of the database drivers than we do.
pub(crate) const BASELINES: &[&str] = &["postgres-es", "sqlite-es"];

#[derive(Args)]
pub(crate) struct Options {
    /// Three rounds of a few seconds each (the default)
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Five longer rounds
    #[arg(long)]
    full: bool,
    /// Folder for the databases while measuring; it must lie on a real disk
    #[arg(long, default_value = "/var/tmp")]
    data: PathBuf,
    /// Only these workloads, such as `postgres-32` or `sse`; all when none is named
    workloads: Vec<String>,
}

/// Builds, starts, measures, and says where the results are.
pub(crate) fn run(options: &Options) -> Result<()> {
    let target = shell::target_directory()?;
    let baselines = target.join("baselines");
    for name in BASELINES {
        build_baseline(name, &baselines)?;
    }
    // The server is measured as it is shipped: its own build, not one that shares features with the benches.
    shell::run(
        "build reef",
        shell::cargo().args(["build", "--release", "--bin", "reef"]),
    )?;
    shell::run(
        "build the benches",
        shell::cargo().args(["build", "--release", "--package", "reef-benches"]),
    )?;

    // Settings as they come: `fsync` and `synchronous_commit` on, 100 connections.
    let postgres = Postgres::start(&options.data, &[])?;
    // A thousand subscribers are a thousand open files, on both sides.
    let mut measure = Command::new("sh");
    measure
        .args(["-c", r#"ulimit -n "$(ulimit -Hn)"; exec "$@""#, "measure"])
        .arg(target.join("release/reef-benches"))
        .current_dir(shell::root())
        .arg(if options.full && !options.quick {
            "--full"
        } else {
            "--quick"
        })
        .args(["--postgres-url", postgres.url()])
        .arg("--postgres-programs")
        .arg(postgres.programs())
        .arg("--baselines")
        .arg(baselines.join("release"))
        .arg("--reef")
        .arg(target.join("release/reef"))
        .arg("--data")
        .arg(&options.data)
        .arg("--results")
        .arg(shell::root().join("benches/results"))
        .args(&options.workloads);
    shell::run("measure", &mut measure)
}

fn build_baseline(name: &str, target: &Path) -> Result<()> {
    let manifest = shell::root()
        .join("benches/baselines")
        .join(name)
        .join("Cargo.toml");
    let mut build = shell::cargo();
    build
        .args(["build", "--release", "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", target);
    shell::run(&format!("build the baseline on {name}"), &mut build)
}
