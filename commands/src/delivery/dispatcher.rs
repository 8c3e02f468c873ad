//! The dispatcher: takes the lease, reads the log, and has the lanes worked on.

use std::sync::Arc;

use reef_domain::{Decider as _, WebhookId, webhook::Webhook};
use reef_projections::{Query, views::webhook::Webhooks};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    DispatchConfig,
    compose::Composer,
    fan_out::FanOut,
    keeper::Keeper,
    lane::{self, Works},
    pages::Pages,
};
use crate::{
    Bus, Services,
    ports::{Checkpoints, Deliveries, EventQuery, Lease, LogError, WEBHOOK_DISPATCHER, WebhookSender},
};

/// Events read at once.
const PAGE: u32 = 512;

/// What a dispatcher works with.
#[derive(Clone)]
pub struct DispatchParts {
    /// Commands and ports.
    pub bus: Bus,
    /// Who sends.
    pub sender: Arc<dyn WebhookSender>,
    /// Where it is kept where deliveries are.
    pub deliveries: Arc<dyn Deliveries>,
    /// Leases.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// How it behaves.
    pub config: Arc<DispatchConfig>,
}

impl DispatchParts {
    pub(super) fn services(&self) -> &Services {
        self.bus.services()
    }
}

/// Delivers to webhooks, on whichever node holds the lease.
pub struct Dispatcher {
    parts: DispatchParts,
    holder: String,
}

impl Dispatcher {
    /// A dispatcher; `holder` names this process among the nodes.
    pub fn new(parts: DispatchParts, holder: impl Into<String>) -> Self {
        Self {
            parts,
            holder: holder.into(),
        }
    }

    /// Delivers until cancelled; then what is under way may finish. Errors of the database are waited out.
    pub async fn run(&self, cancel: CancellationToken) {
        let active = metrics::gauge!("reef_follower_active", "manager" => WEBHOOK_DISPATCHER);
        active.set(0.0);
        while !cancel.is_cancelled() {
            match self.acquire().await {
                Ok(Some(lease)) => {
                    active.set(1.0);
                    match self.dispatch(&lease, &cancel).await {
                        Ok(()) | Err(LogError::Fenced) => {}
                        Err(error) => tracing::warn!(%error, "the dispatcher of webhooks starts over"),
                    }
                    active.set(0.0);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "no lease for the dispatcher of webhooks"),
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(self.parts.config.lease_ttl / 10) => {}
            }
        }
    }

    async fn acquire(&self) -> Result<Option<Lease>, LogError> {
        let ttl = self.parts.config.lease_ttl;
        self.parts
            .checkpoints
            .acquire(WEBHOOK_DISPATCHER, &self.holder, ttl)
            .await
    }

    async fn dispatch(&self, lease: &Lease, cancel: &CancellationToken) -> Result<(), LogError> {
        let kept = self.parts.deliveries.load().await?;
        let config = Arc::clone(&self.parts.config);
        let fan_out = Arc::new(FanOut::new(self.webhooks().await?, kept, Arc::clone(&config)));
        let works = Arc::new(Works {
            parts: self.parts.clone(),
            composer: Composer::new(self.parts.services().clone()),
            fan_out: Arc::clone(&fan_out),
            pages: Pages::new(Arc::clone(&self.parts.services().log)),
            seconds: metrics::histogram!("reef_webhook_delivery_seconds"),
        });
        let keeper = Keeper {
            fan_out,
            deliveries: Arc::clone(&self.parts.deliveries),
            clock: Arc::clone(&self.parts.services().clock),
            lease: lease.clone(),
            config,
        };
        // Lanes end with this, whatever ended it.
        let stop = cancel.child_token();
        let _stop = stop.clone().drop_guard();
        let mut lanes = JoinSet::new();
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => Ok(()),
            ended = self.renew(lease) => ended,
            ended = keeper.run(stop.clone()) => ended,
            ended = self.read(&works, &mut lanes, &stop) => ended,
        };
        stop.cancel();
        match &ended {
            // Somebody else delivers now.
            Err(LogError::Fenced) => lanes.abort_all(),
            Ok(()) | Err(_) => while lanes.join_next().await.is_some() {},
        }
        ended?;
        keeper.save_all().await?;
        self.parts.checkpoints.release(lease).await
    }

    async fn renew(&self, lease: &Lease) -> Result<(), LogError> {
        let mut renew = tokio::time::interval_at(Instant::now(), self.parts.config.lease_ttl / 3);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            renew.tick().await;
            let renewed = self.acquire().await?;
            if renewed.is_none_or(|renewed| renewed.fence != lease.fence) {
                return Err(LogError::Fenced);
            }
        }
    }

    async fn read(
        &self,
        works: &Arc<Works>,
        lanes: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Result<(), LogError> {
        let services = self.parts.services();
        let mut head = services.log.watch();
        loop {
            for lane in works.fan_out.new_lanes() {
                lanes.spawn(lane::run(lane, Arc::clone(works), stop.clone()));
            }
            while lanes.try_join_next().is_some() {}
            let read_to = works.fan_out.read_to();
            if *head.borrow_and_update() <= read_to {
                if head.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            let query = EventQuery {
                after: read_to,
                limit: PAGE,
                ..EventQuery::default()
            };
            let events = services.log.read(&query).await?;
            works.fan_out.take(&events, services.clock.now());
        }
    }

    /// Every webhook with the sequence of its last event.
    async fn webhooks(&self) -> Result<Vec<(WebhookId, Arc<Webhook>, u64)>, LogError> {
        let docs = self
            .parts
            .services()
            .views
            .all::<Webhooks>(Query::default())
            .await?;
        let mut webhooks = Vec::with_capacity(docs.len());
        for doc in docs {
            // As the log has it: another node may have changed it.
            let loaded = self.parts.bus.state::<Webhook>(&doc.id).await?;
            if let Some(loaded) = loaded.filter(|loaded| !loaded.state.is_gone()) {
                webhooks.push((doc.id, loaded.state, loaded.sequence));
            }
        }
        Ok(webhooks)
    }
}
