//! What every handler may reach.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use quick_cache::sync::Cache;
use reef_commands::{
    Bus, Drivers, Services,
    conversation::Chat,
    follower::Retried,
    managers::Managers,
    ports::{Checkpoints, Deliveries, EventLog, KeyUses, LogError, NodeLinks, Views},
};
use reef_domain::login::Login;
use reef_projections::AnyView;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    ApiConfig, CheckpointKey,
    feed::Hub,
    last_used::LastUsed,
    limit::{Hourly, Limiter, Windows},
    native::{docs, openapi},
    proof::Proofs,
};

/// Remembered sequences of events that documents were last changed by.
const CACHED_SEQUENCES: usize = 100_000;

/// Performs parked intents again.
#[async_trait]
pub trait RetryParked: Send + Sync + 'static {
    /// Those of one key of one process manager, in order; `None`: there is no such manager.
    async fn retry_parked(&self, manager: &str, key: &str) -> Result<Option<Retried>, LogError>;
}

#[async_trait]
impl RetryParked for Managers {
    async fn retry_parked(&self, manager: &str, key: &str) -> Result<Option<Retried>, LogError> {
        Self::retry_parked(self, manager, key).await
    }
}

/// What the API is made of.
pub struct ApiParts {
    /// Commands, and the ports behind them.
    pub bus: Bus,
    /// Messages to agents and their replies.
    pub chat: Chat,
    /// Where agents run.
    pub drivers: Drivers,
    /// Who speaks with people's machines.
    pub nodes: Arc<dyn NodeLinks>,
    /// Checkpoints of followers and parked intents.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// Where deliveries of webhooks are.
    pub deliveries: Arc<dyn Deliveries>,
    /// When API keys were used last.
    pub key_uses: Arc<dyn KeyUses>,
    /// Who performs parked intents again.
    pub retry: Arc<dyn RetryParked>,
    /// Signs the log's checkpoints.
    pub checkpoint_key: CheckpointKey,
    /// Renders `/metrics`; `None`: there are none.
    pub metrics: Option<PrometheusHandle>,
    /// How it behaves.
    pub config: ApiConfig,
    /// Cancelled when the server is to drain: event streams end. Give the same to [`crate::serve`].
    pub shutdown: CancellationToken,
}

/// The API, ready to be served: see [`crate::router`]. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(pub(crate) App);

/// The same, as handlers see it.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

/// See [`App`].
pub(crate) struct Inner {
    pub(crate) parts: ApiParts,
    pub(crate) views: BTreeMap<&'static str, Box<dyn AnyView>>,
    pub(crate) head: watch::Receiver<u64>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) limiter: Option<Limiter>,
    /// Limits of the dialects.
    pub(crate) windows: Option<Windows>,
    /// Login codes that were asked for, by the digest of the e-mail.
    pub(crate) logins: Hourly,
    pub(crate) proofs: Proofs,
    /// Sequence of the event at a position; positions never change, so this needs no invalidation.
    pub(crate) sequences: Cache<u64, u64>,
    pub(crate) last_used: LastUsed,
    pub(crate) openapi: openapi::Document,
    pub(crate) docs: docs::Page,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl ApiState {
    /// The state of an API made of these parts. Nothing runs before the first event stream is opened.
    pub fn new(parts: ApiParts) -> Self {
        let log = Arc::clone(&parts.bus.services().log);
        let views: BTreeMap<_, _> = reef_projections::views::all()
            .into_iter()
            .map(|view| (view.name(), view))
            .collect();
        let openapi = openapi::document(&views);
        Self(App(Arc::new(Inner {
            head: log.watch(),
            hub: Hub::new(Arc::clone(&log), parts.shutdown.clone()),
            limiter: Limiter::per_minute(parts.config.rate_limit_per_minute),
            windows: Windows::times(parts.config.dialect_limits_factor()),
            logins: Hourly::new(Login::MAX_REQUESTS),
            proofs: Proofs::new(log),
            sequences: Cache::new(CACHED_SEQUENCES),
            last_used: LastUsed::new(Arc::clone(&parts.key_uses)),
            docs: docs::Page::of(&openapi),
            openapi,
            views,
            parts,
        })))
    }
}

impl Inner {
    pub(crate) fn config(&self) -> &ApiConfig {
        &self.parts.config
    }

    pub(crate) fn services(&self) -> &Services {
        self.parts.bus.services()
    }

    pub(crate) fn log(&self) -> &(dyn EventLog + 'static) {
        &*self.services().log
    }

    pub(crate) fn views_port(&self) -> &(dyn Views + 'static) {
        &*self.services().views
    }

    /// Newest committed position that this node knows of.
    pub(crate) fn head(&self) -> u64 {
        *self.head.borrow()
    }
}
