//! `cargo xtask verify`: what a commit must pass.

use anyhow::{Context, Result};

use crate::{bench, deny, shell, suites};

/// Cheapest first.
pub(crate) fn run() -> Result<()> {
    shell::run("format", shell::cargo().args(["fmt", "--all", "--check"]))?;
    lock_files_are_current()?;
    shell::run(
        "lints",
        shell::cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    deny::run()?;
    suites::run(&[])
}

/// Ours, and those of the baselines, which name crates of ours by path.
fn lock_files_are_current() -> Result<()> {
    let root = shell::root();
    let baselines = bench::BASELINES
        .iter()
        .map(|name| root.join("benches/baselines").join(name));
    for folder in std::iter::once(root.clone()).chain(baselines) {
        let mut metadata = shell::cargo();
        metadata
            .args(["metadata", "--locked", "--format-version=1", "--manifest-path"])
            .arg(folder.join("Cargo.toml"));
        shell::output(&mut metadata).context("a lock file is not current: run `cargo metadata` there")?;
    }
    Ok(())
}
