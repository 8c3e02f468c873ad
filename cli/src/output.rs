//! What commands print: lines for people, or one JSON document for machines.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// One JSON document on standard output, nothing else.
    pub(crate) json: bool,
}

impl Output {
    /// Prints the result: the JSON document, or the lines.
    pub(crate) fn show(self, document: &Value, lines: impl FnOnce() -> Vec<String>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{document}")?;
        } else {
            for line in lines() {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    }

    /// A bar for long work; silent for machines and where nobody watches.
    pub(crate) fn progress(self, what: &'static str) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} ({eta})")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(0).with_style(style).with_message(what)
    }
}
