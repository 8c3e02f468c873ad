//! Packages of the operating system, where this machine lets us install them.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::shell;

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// Installs Debian packages; an error that says what to do where that is not possible.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("{wanted} is missing and this machine has no apt-get: install it by hand");
    }
    if !is_root() {
        bail!("{wanted} is missing: run `sudo apt-get install -y {wanted}`");
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    if shell::run(&format!("install {wanted}"), &mut apt(&arguments)).is_ok() {
        return Ok(());
    }
    // A fresh machine has no package lists yet.
    shell::run("apt-get update", &mut apt(&["update"]))?;
    shell::run(&format!("install {wanted}"), &mut apt(&arguments))
}

/// The number of logical processors.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
