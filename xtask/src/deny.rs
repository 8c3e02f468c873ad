//! `cargo deny`: bans, licences and sources of every dependency, as `deny.toml` has them.
//!
//! Its fourth check, advisories, needs a database from the network and is left to the release process.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell;

/// Installed where it is missing; raised by hand.
const VERSION: &str = "0.20.2";

/// Runs the checks.
pub(crate) fn run() -> Result<()> {
    let program = find_or_install()?;
    let mut check = std::process::Command::new(program);
    check
        .current_dir(shell::root())
        .args(["--offline", "--workspace", "check", "--hide-inclusion-graph"]);
    shell::run(
        "bans, licences, sources",
        check.args(["bans", "licenses", "sources"]),
    )
}

fn find_or_install() -> Result<PathBuf> {
    if shell::answers("cargo-deny", &["--version"]) {
        return Ok("cargo-deny".into());
    }
    let tools = shell::target_directory()?.join("tools");
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        // Unoptimised: it is built in a third of the time and its own work takes a second.
        let mut install = shell::cargo();
        install.args([
            "install",
            "cargo-deny",
            "--version",
            VERSION,
            "--locked",
            "--debug",
        ]);
        install.arg("--no-default-features").arg("--root").arg(&tools);
        install
            .env("CARGO_TARGET_DIR", tools.join("build"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        shell::run("install cargo-deny", &mut install)?;
        std::fs::remove_dir_all(tools.join("build")).ok();
    }
    Ok(program)
}
