//! `reef verify`: that nobody edited the log, in the database, in a backup or in an export.

mod export;
mod note;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use reef_store::{
    merkle::Hash,
    verify::{Verdict, Verifier},
    verify_backup,
};
use serde_json::json;

use crate::{config::Config, database, exit::Failure, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A signed checkpoint kept elsewhere; may be given several times.
    #[arg(long = "checkpoint")]
    checkpoints: Vec<PathBuf>,
    /// Verifier key of the checkpoints' signatures, as `GET /v1/log/key` gives it; default: this server's own.
    #[arg(long)]
    key: Option<String>,
    /// Check this export of events instead of the database.
    #[arg(long, conflicts_with = "backup")]
    export: Option<PathBuf>,
    /// Check this backup instead of the database.
    #[arg(long)]
    backup: Option<PathBuf>,
}

impl Verify {
    pub(crate) async fn run(self, config: &Config, output: Output) -> Result<()> {
        let kept = self.kept(config)?;
        let bar = output.progress("verifying");
        let verdict: Verdict = if let Some(file) = &self.export {
            export::verify(file, Verifier::new(kept.iter().copied()))?
        } else if let Some(file) = &self.backup {
            verify_backup(file, kept.iter().copied())?
        } else {
            let store = database::open_read_only(config).await?;
            let progress = |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            };
            store.verify(kept.iter().copied(), progress).await?
        };
        bar.finish_and_clear();
        let verified = verdict.map_err(|fault| Failure::Unverified(fault.to_string()))?;
        let document = json!({
            "events": verified.size,
            "root": hex::encode(verified.root),
            "checkpoints": kept.len(),
        });
        output.show(&document, || {
            let compared = match kept.len() {
                0 => "with its own head only".to_owned(),
                count => format!("with {count} kept checkpoint(s)"),
            };
            vec![format!(
                "{} events verify {compared}; root {}",
                verified.size,
                hex::encode(verified.root)
            )]
        })
    }

    /// Sizes and roots of the kept checkpoints, once their signatures were checked.
    fn kept(&self, config: &Config) -> Result<Vec<(u64, Hash)>> {
        if self.checkpoints.is_empty() {
            return Ok(Vec::new());
        }
        let key = match &self.key {
            Some(key) => key.clone(),
            None => note::own_key(config)?,
        };
        let open = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            note::open(&text, &key).map_err(|reason| {
                Failure::Unverified(format!("checkpoint {}: {reason}", file.display())).into()
            })
        };
        self.checkpoints.iter().map(open).collect()
    }
}
