//! `cargo xtask verify`: what a commit must pass.

use anyhow::Result;

use crate::{deny, shell, suites};

/// Cheapest first.
pub(crate) fn run() -> Result<()> {
    shell::run("format", shell::cargo().args(["fmt", "--all", "--check"]))?;
    shell::run(
        "lock file is current",
        shell::cargo()
            .args(["metadata", "--locked", "--format-version=1", "--quiet"])
            .stdout(std::process::Stdio::null()),
    )?;
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
