//! Programs by other people that the suites talk to: readers of our feeds and streams, judges of webhooks and payments,
//! simulations of EC2 and Stripe, a real gateway; from PyPI and npm.
//!
//! They live in `tests/peers`, each with a list of what it needs; they are installed below the target folder.
//! And one that is a crate of its own, the baseline of the benches on stock `postgres-es`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{shell, system};

/// Installs the Python peers and returns the interpreter that has them.
pub(crate) fn python(target: &Path) -> Result<String> {
    let wanted = shell::root().join("tests/peers/requirements.txt");
    let folder = target.join("peers/python");
    let python = folder.join("bin/python").display().to_string();
    if current(&wanted, &folder) {
        return Ok(python);
    }
    if !shell::answers("python3", &["-m", "ensurepip", "--version"]) {
        system::install(&["python3", "python3-venv"])?;
    }
    fs::create_dir_all(&folder)?;
    shell::run(
        "Python environment",
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    shell::run(
        "install Python peers",
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(&wanted),
    )?;
    remember(&wanted, &folder)?;
    Ok(python)
}

/// Installs the Node peers and returns the folder of their modules.
pub(crate) fn node(target: &Path) -> Result<String> {
    modules(target, "tests/peers", "node", &[])
}

/// Installs an `OpenClaw` gateway with the Node.js it wants, about 830 MB, and returns the folder of the modules.
/// The packages' own install scripts are not run: they want that Node.js already.
pub(crate) fn openclaw(target: &Path) -> Result<String> {
    modules(target, "tests/peers/openclaw", "openclaw", &["--ignore-scripts"])
}

/// Installs what the lock file in `list` names below the target folder.
fn modules(target: &Path, list: &str, name: &str, options: &[&str]) -> Result<String> {
    let wanted = shell::root().join(list).join("package-lock.json");
    let folder = target.join("peers").join(name);
    let modules = folder.join("node_modules").display().to_string();
    if current(&wanted, &folder) {
        return Ok(modules);
    }
    if !shell::answers("node", &["--version"]) || !shell::answers("npm", &["--version"]) {
        system::install(&["nodejs", "npm"])?;
    }
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(wanted.with_file_name(file), folder.join(file)).with_context(|| format!("{list}/{file}"))?;
    }
    let mut install = Command::new("npm");
    install
        .current_dir(&folder)
        .args(["ci", "--silent", "--no-audit", "--no-fund"])
        .args(options);
    shell::run(&format!("install peers from npm: {name}"), &mut install)?;
    remember(&wanted, &folder)?;
    Ok(modules)
}

/// Builds the program that reads our log with stock `postgres-es`, and returns its path.
pub(crate) fn stock_store(target: &Path) -> Result<String> {
    let manifest = shell::root().join("benches/baselines/postgres-es/Cargo.toml");
    let folder = target.join("peers/postgres-es");
    let mut build = shell::cargo();
    build.args(["build", "--quiet", "--manifest-path"]).arg(manifest);
    build
        .env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    shell::run("build the reader on stock postgres-es", &mut build)?;
    Ok(folder.join("debug/baseline-postgres-es").display().to_string())
}

/// Whether the folder holds what the list names now.
fn current(wanted: &Path, folder: &Path) -> bool {
    let installed = fs::read(folder.join("installed"));
    matches!((fs::read(wanted), installed), (Ok(wanted), Ok(installed)) if wanted == installed)
}

fn remember(wanted: &Path, folder: &Path) -> Result<()> {
    fs::copy(wanted, folder.join("installed"))?;
    Ok(())
}
