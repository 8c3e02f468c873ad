//! `reef verify`.
use anyhow::Result;
use clap::Args;

use crate::{config::Config, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Verify {}

impl Verify {
    pub(crate) async fn run(self, _: &Config, _: Output) -> Result<()> {
        anyhow::bail!("not there yet")
    }
}
