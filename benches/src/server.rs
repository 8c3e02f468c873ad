//! The server with two no-op handlers, behind the same layers as every other handler.

use anyhow::{Result, bail};
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {}

pub(crate) async fn run(_options: Options) -> Result<()> {
    bail!("follows")
}
