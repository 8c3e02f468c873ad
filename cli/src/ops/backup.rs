//! `reef backup`.
use anyhow::Result;
use clap::Args;

use crate::{config::Config, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Backup {}
#[derive(Debug, Args)]
pub(crate) struct Restore {}

impl Backup {
    pub(crate) async fn run(self, _: &Config, _: Output) -> Result<()> {
        anyhow::bail!("not there yet")
    }
}
impl Restore {
    pub(crate) async fn run(self, _: &Config, _: Output) -> Result<()> {
        anyhow::bail!("not there yet")
    }
}
