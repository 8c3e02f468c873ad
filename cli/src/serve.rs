//! The composition root: every adapter is made here, and nowhere else known to all others.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusBuilder;
use reef_api::{ApiConfig, ApiParts, ApiState, CheckpointKey, router};
use reef_commands::{
    Bus, Drivers, RandomEntropy, Secrets, Services,
    conversation::Chat,
    delivery::{DispatchParts, Dispatcher},
    follower::FollowerConfig,
    machine::Desk,
    managers::{Context, Managers},
    ports::{Checkpoints, LogLines, NodeEvents, RuntimeDriver},
    task::NodeReports,
};
use reef_runtimes::{
    Hub, HubConfig, LocalDriver, MemoryLogLines,
    ec2::{Ec2Ports, PROVIDER as EC2},
    embedded::{EmbeddedDriver, EmbeddedPorts},
    model::{ApiKey, ModelConfig},
};
use reef_store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, database, ec2, gateways, keys::Keys};

/// How long what is under way may take to finish at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// How long it may take to tell machines that the server stops.
const PARTING: Duration = Duration::from_secs(2);
/// How long a person's machine may be away before it counts as stopped.
const AWAY: TimeDelta = TimeDelta::minutes(1);

/// Runs the server until it is told to stop, then drains.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let keys = Keys::load_or_make(&config)?;
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics")?;
    // Taken before anything else, so that a busy address changes nothing.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let store = database::open(&config, keys.master.clone()).await?;
    let services = services(&config, &keys, &store)?;
    let bus = Bus::new(services.clone());
    let holder = uuid::Uuid::now_v7().to_string();
    let node = node_reports(&config, &bus);
    let hub = Hub::new(
        Desk::new(bus.clone(), &holder, AWAY),
        Arc::clone(&node),
        Arc::clone(&services.log_lines),
        HubConfig::default(),
    );
    let drivers = drivers(&config, &bus, node, &hub)?;
    reef_commands::template::seed::seed(&bus)
        .await
        .context("catalogue of templates")?;
    reef_commands::skill::seed::seed(&bus)
        .await
        .context("catalogue of skills")?;
    let checkpoints: Arc<dyn Checkpoints> = Arc::new(store.clone());
    let context = Context {
        bus: bus.clone(),
        drivers: drivers.clone(),
    };
    tokio::spawn(hub.clone().cut_off_revoked(Arc::clone(&services.log)));
    let managers = Arc::new(Managers::start(
        &context,
        &checkpoints,
        &holder,
        &FollowerConfig::default(),
    ));
    managers
        .deliver(dispatcher(&config, &bus, &store, &holder)?)
        .await;
    let chat = Chat::new(bus.clone(), drivers.clone());
    let shutdown = CancellationToken::new();
    let state = ApiState::new(ApiParts {
        bus,
        drivers,
        chat: chat.clone(),
        nodes: Arc::new(hub.clone()),
        checkpoints,
        deliveries: Arc::new(store.clone()),
        key_uses: Arc::new(store),
        retry: Arc::clone(&managers) as _,
        checkpoint_key: CheckpointKey::from_seed(&config.log_origin, &keys.signing_seed)
            .map_err(|error| anyhow::anyhow!("checkpoint key: {error}"))?,
        metrics: Some(metrics),
        config: api_config(&config, &keys),
        shutdown: shutdown.clone(),
    });
    announce(&config, &keys, listener.local_addr()?);
    tokio::spawn(stop_on_signal(shutdown.clone()));
    if !reef_api::serve(listener, router(state), shutdown).await {
        tracing::warn!("some requests were still under way and were cut off");
    }
    stop(&managers, &chat).await;
    hub.close(PARTING).await;
    Ok(())
}

fn services(config: &Config, keys: &Keys, store: &Store) -> Result<Services> {
    let clock = database::clock();
    let log_lines: Arc<dyn LogLines> = Arc::new(MemoryLogLines::new(Arc::clone(&clock)));
    let gateways = gateways::gateways(config, keys, &clock)?;
    Ok(Services {
        log: Arc::new(store.clone()),
        views: Arc::new(store.clone()),
        vault: Arc::new(store.clone()),
        workspace: Arc::new(store.clone()),
        clock,
        entropy: Arc::new(RandomEntropy),
        log_lines,
        sightings: Arc::new(store.clone()),
        gateways,
        plans: config.plans()?,
    })
}

/// Delivers to webhooks.
fn dispatcher(config: &Config, bus: &Bus, store: &Store, holder: &str) -> Result<Dispatcher> {
    let sender = bus.services().gateways.webhooks.as_ref();
    let parts = DispatchParts {
        bus: bus.clone(),
        sender: Arc::clone(sender.context("webhooks")?),
        deliveries: Arc::new(store.clone()),
        checkpoints: Arc::new(store.clone()),
        config: Arc::new(config.deliveries()?),
    };
    Ok(Dispatcher::new(parts, holder))
}

fn node_reports(config: &Config, bus: &Bus) -> Arc<dyn NodeEvents> {
    let ttl = TimeDelta::seconds(i64::from(config.approval_ttl_s));
    Arc::new(NodeReports::new(bus.clone(), ttl))
}

fn drivers(config: &Config, bus: &Bus, node: Arc<dyn NodeEvents>, hub: &Hub) -> Result<Drivers> {
    let services = bus.services();
    let secrets = Arc::new(Secrets::new(bus.clone()));
    let ports = EmbeddedPorts {
        workspace: Arc::clone(&services.workspace),
        vault: Arc::clone(&services.vault),
        secrets: secrets.clone(),
        node,
        log_lines: Arc::clone(&services.log_lines),
        clock: Arc::clone(&services.clock),
    };
    let on_ec2 = Ec2Ports {
        secrets: secrets.clone(),
        environment: secrets,
        node: Arc::clone(&ports.node),
        log_lines: Arc::clone(&ports.log_lines),
        clock: Arc::clone(&ports.clock),
    };
    let embedded = EmbeddedDriver::new(ports, model_config(config)?).context("model provider")?;
    let mut drivers: Vec<Arc<dyn RuntimeDriver>> = vec![Arc::new(embedded)];
    drivers.extend(ec2::driver(config, on_ec2)?);
    // People's own machines come last: no user starts one of those.
    let may_be_started = drivers
        .iter()
        .any(|driver| driver.provider() == config.vm_provider);
    anyhow::ensure!(
        may_be_started,
        "vm_provider {:?} is not configured",
        config.vm_provider
    );
    drivers.push(Arc::new(LocalDriver::new(hub.clone())));
    Ok(Drivers::new(drivers))
}

/// What answers for agents, as configured or as the environment says.
pub(crate) fn model_config(config: &Config) -> Result<ModelConfig> {
    let model = ModelConfig {
        provider: config.model_provider.parse().context("model_provider")?,
        base_url: config.model_base_url.clone(),
        api_key: config.model_api_key.as_deref().map(ApiKey::new),
        model: config.model.clone(),
        max_tokens: config.model_max_tokens,
        ..ModelConfig::default()
    }
    .or_environment(|name| std::env::var(name).ok());
    Ok(model)
}

fn api_config(config: &Config, keys: &Keys) -> ApiConfig {
    ApiConfig {
        rate_limit_per_minute: config.rate_limit_per_minute,
        dialect_rate_limit_factor: config.dialect_rate_limit_factor,
        trusted_proxies: config.trusted_proxies.clone(),
        vm_provider: config.vm_provider.clone(),
        thermidora_balance_micro: config.thermidora_balance_micro,
        vm_region: (config.vm_provider == EC2)
            .then(|| config.ec2_region.clone())
            .flatten(),
        bench_routes: config.bench_routes,
        ..ApiConfig::new(&keys.operator)
    }
}

/// Says where the server is; a new operator key is shown here once and never again.
fn announce(config: &Config, keys: &Keys, address: std::net::SocketAddr) {
    if keys.operator_is_new {
        eprintln!("\n  Operator key (shown once): {}\n", *keys.operator);
        eprintln!(
            "  It is kept in {}\n",
            config.data_dir.join("operator.key").display()
        );
    }
    tracing::info!(
        %address,
        database = %database::without_password(&config.database_url()),
        version = env!("CARGO_PKG_VERSION"),
        "reef listens; documentation at http://{address}/docs"
    );
}

/// Cancels the token when the process is told to stop.
pub(crate) async fn stop_on_signal(shutdown: CancellationToken) {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be waited for");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminate => tracing::info!("SIGTERM: draining"),
        _ = tokio::signal::ctrl_c() => tracing::info!("interrupted: draining"),
    }
    shutdown.cancel();
}

/// Lets replies and effects under way finish and gives the leases up, so that another node can go on
/// at once.
async fn stop(managers: &Managers, chat: &Chat) {
    if tokio::time::timeout(DRAIN, chat.drain()).await.is_err() {
        tracing::warn!("some replies were still being said; they will count as interrupted");
    }
    if tokio::time::timeout(DRAIN, managers.stop()).await.is_err() {
        tracing::warn!("some effects were still under way; they will be repeated at the next start");
    }
}
