//! The command bus over a real store, wired as the server wires it.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use reef_commands::{Bus, Gateways, RandomEntropy, Services, account::Plans, ports::SystemClock};
use reef_runtimes::MemoryLogLines;
use reef_store::Store;

use crate::machine;

/// Wraps data keys of databases that are thrown away; servers on the same databases are given it too.
pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];

/// Opens the database, which must be named by an absolute URL.
pub(crate) async fn open(url: &str) -> Result<Bus> {
    Ok(Bus::new(services(&open_store(url).await?)))
}

pub(crate) async fn open_store(url: &str) -> Result<Store> {
    let views = reef_projections::views::all();
    let store = Store::open(
        url,
        Path::new("/"),
        views,
        MASTER_KEY.into(),
        Arc::new(SystemClock),
    )
    .await;
    store.with_context(|| format!("the store at {}", machine::without_password(url)))
}

pub(crate) fn services(store: &Store) -> Services {
    Services {
        log: Arc::new(store.clone()),
        views: Arc::new(store.clone()),
        vault: Arc::new(store.clone()),
        workspace: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(RandomEntropy),
        log_lines: Arc::new(MemoryLogLines::new(Arc::new(SystemClock))),
        sightings: Arc::new(store.clone()),
        gateways: Gateways::default(),
        plans: Plans::default(),
    }
}
