//! `cargo xtask test`: starts what the suites need and runs every one of them.
//!
//! What cannot be had is left out and said so at the end; where `CI=true`, that is a failure.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    peers,
    postgres::{self, Postgres},
    shell, system,
};

/// The suites ask for the server's own; several processes of many tests each share the cluster.
const POSTGRES_SETTINGS: &[&str] = &["max_connections=200"];

/// Runs all suites; `runner` goes to nextest or `cargo test`.
pub(crate) fn run(runner: &[String]) -> Result<()> {
    let target = shell::target_directory()?;
    let (mut environment, mut left_out) = (Environment::new(), Vec::new());
    let _postgres = start_postgres(&mut environment, &mut left_out);
    find_peers(&target, &mut environment, &mut left_out);

    let tested = run_tests(&environment, runner);
    if !left_out.is_empty() {
        eprintln!("\n!!! LEFT OUT, so this run proves less than it should:");
        for line in &left_out {
            eprintln!("!!!   {line}");
        }
    }
    tested?;
    if !left_out.is_empty() && std::env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!("{} left out, which CI does not allow", left_out.len());
    }
    Ok(())
}

type Environment = Vec<(&'static str, String)>;

/// The tests of one workspace, with the summary of the runner last.
fn run_tests(environment: &Environment, runner: &[String]) -> Result<()> {
    let cargo = |arguments: &[&str]| {
        let mut command = shell::cargo();
        command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        command
    };
    if shell::answers("cargo-nextest", &["--version"]) {
        // nextest does not know examples in documentation. They are few: only a failing one is shown.
        eprintln!("==> documentation examples");
        shell::output(&mut cargo(&["test", "--quiet", "--workspace", "--doc"]))?;
        shell::run(
            "tests",
            cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]).args(runner),
        )
    } else {
        shell::run(
            "tests",
            cargo(&["test", "--workspace", "--no-fail-fast"]).args(runner),
        )
    }
}

fn start_postgres(environment: &mut Environment, left_out: &mut Vec<String>) -> Option<Postgres> {
    if std::env::var_os("REEF_TEST_POSTGRES_URL").is_some() {
        return None;
    }
    match Postgres::start(&postgres::temporary_folder(), POSTGRES_SETTINGS) {
        Ok(postgres) => {
            environment.push(("REEF_TEST_POSTGRES_URL", postgres.url().to_owned()));
            Some(postgres)
        }
        Err(error) => {
            left_out.push(format!("everything on PostgreSQL: {error:#}"));
            None
        }
    }
}

fn find_peers(target: &Path, environment: &mut Environment, left_out: &mut Vec<String>) {
    match peers::python(target) {
        Ok(python) => environment.push(("REEF_TEST_PYTHON", python)),
        Err(error) => left_out.push(format!(
            "the readers of feeds and streams, moto, localstripe and schemathesis (PyPI): {error:#}"
        )),
    }
    match peers::node(target) {
        Ok(modules) => environment.push(("REEF_TEST_NODE_MODULES", modules)),
        Err(error) => left_out.push(format!(
            "the readers of feeds and streams, and the judges of webhooks and payments (npm): {error:#}"
        )),
    }
    match peers::openclaw(target) {
        Ok(modules) => environment.push(("REEF_TEST_OPENCLAW", modules)),
        Err(error) => left_out.push(format!("a real OpenClaw gateway (npm): {error:#}")),
    }
    match peers::stock_store(target) {
        Ok(program) => environment.push(("REEF_TEST_POSTGRES_ES", program)),
        Err(error) => left_out.push(format!("our log read by stock postgres-es: {error:#}")),
    }
    if system::processors() < 2 {
        eprintln!("    one processor only: suites with deadlines may be slow");
    }
}
