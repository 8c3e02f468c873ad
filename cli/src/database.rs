//! The database, for commands that work on it without a server.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use reef_commands::ports::{Clock, SystemClock};
use reef_store::Store;
use zeroize::Zeroizing;

use crate::{config::Config, keys};

/// Opens it for reading, beside whoever serves it.
pub(crate) async fn open_read_only(config: &Config) -> Result<Store> {
    let url = config.database_url();
    let views = reef_projections::views::all();
    Store::open_read_only(&url, &config.data_dir, views, keys::master_key(config)?, clock())
        .await
        .with_context(|| format!("database {}", without_password(&url)))
}

/// Opens it as its only user, making it where it is not there.
pub(crate) async fn open(config: &Config, master_key: Zeroizing<[u8; 32]>) -> Result<Store> {
    let url = config.database_url();
    Store::open(
        &url,
        &config.data_dir,
        reef_projections::views::all(),
        master_key,
        clock(),
    )
    .await
    .with_context(|| format!("database {}", without_password(&url)))
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The database's address as it may be shown.
pub(crate) fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}
