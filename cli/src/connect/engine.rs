//! What does the work on this machine.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use reef_commands::ports::{RuntimeDriver, SystemClock};
use reef_runtimes::{
    EmbeddedDriver,
    node::{Engine, LocalFiles, Outbox, embedded_ports},
};

use super::Connect;
use crate::{config::Config, serve::model_config};

/// A driver with what it works on.
pub(super) struct Working {
    pub(super) name: &'static str,
    pub(super) outbox: Arc<Outbox>,
    pub(super) files: LocalFiles,
    pub(super) driver: Arc<dyn RuntimeDriver>,
}

/// The engine that was asked for.
pub(super) async fn of(connect: &Connect, config: &Config) -> Result<Working> {
    let instance = uuid::Uuid::now_v7().to_string();
    let outbox = Outbox::open(&connect.dir, &instance)
        .await
        .with_context(|| connect.dir.display().to_string())?;
    let files = LocalFiles::new(&connect.dir);
    let engine = Engine {
        outbox: Arc::clone(&outbox),
        files: files.clone(),
        clock: Arc::new(SystemClock),
    };
    let models = model_config(config)?;
    let driver = EmbeddedDriver::new(embedded_ports(&engine), models).context("model provider")?;
    Ok(Working {
        name: "embedded",
        outbox,
        files,
        driver: Arc::new(driver),
    })
}
