//! The composition root: every adapter is made here, and nowhere else known to all others.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusBuilder;
use reef_api::{ApiConfig, ApiParts, ApiState, CheckpointKey};
use reef_commands::{
    Bus, Drivers, RandomEntropy, Secrets, Services,
    follower::FollowerConfig,
    managers::{Context, Managers},
    ports::{Checkpoints, Clock, LogLines, RuntimeDriver, SystemClock},
    task::NodeReports,
};
use reef_runtimes::{
    MemoryLogLines,
    embedded::{EmbeddedDriver, EmbeddedPorts},
    model::{ApiKey, ModelConfig},
};
use reef_store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, keys::Keys};

/// How long what is under way may take to finish at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs the server until it is told to stop, then drains.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let keys = Keys::load_or_make(&config)?;
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics")?;
    // Taken before anything else, so that a busy address changes nothing.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let store = open_store(&config, &keys).await?;
    let services = services(&store);
    let bus = Bus::new(services.clone());
    let drivers = drivers(&config, &bus)?;
    reef_commands::template::seed(&bus).await.context("catalogue of templates")?;
    let checkpoints: Arc<dyn Checkpoints> = Arc::new(store.clone());
    let context = Context { bus: bus.clone(), drivers: drivers.clone() };
    let holder = uuid::Uuid::now_v7().to_string();
    let managers = Arc::new(Managers::start(&context, &checkpoints, &holder, &FollowerConfig::default()));
    let shutdown = CancellationToken::new();
    let state = ApiState::new(ApiParts {
        bus,
        drivers,
        checkpoints,
        retry: Arc::clone(&managers) as _,
        checkpoint_key: CheckpointKey::from_seed(&config.log_origin, &keys.signing_seed)?,
        metrics: Some(metrics),
        config: api_config(&config, &keys),
        shutdown: shutdown.clone(),
    });
    announce(&config, &keys, listener.local_addr()?);
    tokio::spawn(stop_on_signal(shutdown.clone()));
    reef_api::serve(listener, state.clone(), shutdown).await.context("HTTP server")?;
    drop(state);
    stop(managers, &store).await;
    Ok(())
}
