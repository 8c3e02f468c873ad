//! `reef backup` and `reef restore`: everything that cannot be rebuilt, in one file.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;

use crate::{config::Config, database, keys, output::Output};

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File to write; it must not exist.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// A backup.
    file: PathBuf,
    /// Database to fill; it must be empty. Default: the configured one.
    #[arg(long)]
    database_url: Option<String>,
}

impl Backup {
    pub(crate) async fn run(self, config: &Config, output: Output) -> Result<()> {
        let store = database::open_read_only(config).await?;
        let bar = output.progress("writing");
        let header = store
            .export_backup(&self.file, |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            })
            .await
            .with_context(|| self.file.display().to_string())?;
        bar.finish_and_clear();
        output.show(&serde_json::to_value(&header)?, || {
            vec![format!(
                "{} records up to position {} written to {}; root {}",
                header.records,
                header.position,
                self.file.display(),
                header.root
            )]
        })
    }
}

impl Restore {
    pub(crate) async fn run(self, config: &Config, output: Output) -> Result<()> {
        let mut config = config.clone();
        config.database_url = self.database_url.or(config.database_url);
        let store = database::open(&config, keys::master_key(&config)?).await?;
        let bar = output.progress("restoring");
        let restored = store
            .import_backup(&self.file, |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            })
            .await
            .with_context(|| self.file.display().to_string())?;
        bar.finish_and_clear();
        let document = json!({
            "events": restored.events,
            "records": restored.records,
            "equal_views": restored.equal_views,
            "other_views": restored.other_views,
        });
        output.show(&document, || {
            let mut lines = vec![format!(
                "{} events restored; {} views rebuilt and equal to the backup's",
                restored.events,
                restored.equal_views.len()
            )];
            if !restored.other_views.is_empty() {
                lines.push(format!(
                    "of another version, not compared: {}",
                    restored.other_views.join(", ")
                ));
            }
            lines
        })
    }
}
