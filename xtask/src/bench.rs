//! `cargo xtask bench`.

use anyhow::{Result, bail};
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {
    /// Five rounds instead of three
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    bail!("bench {}: follows", options.full)
}
