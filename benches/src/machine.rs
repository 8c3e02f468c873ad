//! What the figures were measured on.

use std::{fs, path::Path, process::Command};

use serde::Serialize;

/// The machine, its disk and the code.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) filesystem: String,
    pub(crate) postgres: String,
    pub(crate) rustc: String,
    pub(crate) commit: String,
    pub(crate) uncommitted_changes: bool,
}

impl Machine {
    pub(crate) fn look(data: &Path, postgres: &str) -> Self {
        let memory = line_of("/proc/meminfo", "MemTotal:");
        let kib = memory
            .split_whitespace()
            .next()
            .and_then(|number| number.parse::<u64>().ok());
        Self {
            processor: line_of("/proc/cpuinfo", "model name")
                .trim_start_matches([' ', '\t', ':'])
                .to_owned(),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: kib.unwrap_or(0) / 1024,
            kernel: said("uname", &["-sr"]),
            filesystem: said("stat", &["-f", "-c", "%T", &data.display().to_string()]),
            postgres: postgres.to_owned(),
            rustc: said("rustc", &["--version"]),
            commit: said("git", &["rev-parse", "--short=12", "HEAD"]),
            uncommitted_changes: !said("git", &["status", "--porcelain"]).is_empty(),
        }
    }
}

/// The rest of the first line that starts so.
pub(crate) fn line_of(file: &str, start: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(start))
        .unwrap_or("")
        .trim()
        .to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// A database's URL as it may be shown.
pub(crate) fn without_password(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, place)| place)
}
