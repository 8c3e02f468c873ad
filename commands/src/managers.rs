//! What the system does by itself: the process managers and sweeps, and how they are all started.

pub mod bundle;
pub mod cleanup;
pub mod cron;
pub mod mail;
pub mod metering;
pub mod provisioning;
pub mod reconcile;
pub mod tasks;
pub mod timers;

use std::sync::Arc;

use reef_domain::RuntimeId;
use reef_projections::{Filter, Query};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, CommandError,
    delivery::Dispatcher,
    follower::{EffectError, Follower, FollowerConfig, ProcessManager, Retried, Sweep, run_sweep},
    ports::{Checkpoints, LogError, RuntimeDriver, RuntimeSpec},
};

/// Actor of sweeps in events.
const NAME: &str = "timers";

/// What every manager works with.
#[derive(Clone)]
pub struct Context {
    /// Commands and states.
    pub bus: Bus,
    /// Where agents run.
    pub drivers: crate::Drivers,
}

impl Context {
    /// Ids of all documents of the view that match.
    async fn ids(&self, view: &str, filters: Vec<Filter>) -> Result<Vec<String>, LogError> {
        let mut query = Query {
            filters,
            limit: 500,
            ..Query::default()
        };
        let mut ids = Vec::new();
        loop {
            let page = self.bus.services().views.list(view, &query).await?;
            ids.extend(page.data.iter().map(|doc| doc.id.to_string()));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(ids),
            }
        }
    }

    async fn runtime(&self, id: &RuntimeId) -> Result<Option<reef_domain::runtime::Runtime>, CommandError> {
        let loaded = self.bus.state::<reef_domain::runtime::Runtime>(id).await?;
        Ok(loaded.map(|loaded| (*loaded.state).clone()))
    }

    fn driver(&self, provider: &str) -> Result<&Arc<dyn RuntimeDriver>, EffectError> {
        self.drivers
            .get(provider)
            .ok_or_else(|| EffectError::Permanent(format!("no driver for provider {provider} is configured")))
    }
}

/// What drivers need to know of a runtime; `None` before it was requested.
pub(crate) fn spec_of(runtime: &reef_domain::runtime::Runtime) -> Option<RuntimeSpec> {
    Some(RuntimeSpec {
        runtime_id: runtime.runtime_id.clone()?,
        account_id: runtime.account_id.clone()?,
        owner_user_id: runtime.owner_user_id.clone(),
        provider_ref: runtime.provider_ref.clone(),
        region: runtime.region.clone(),
        image_ref: runtime.image_ref.clone(),
        ssh_public_key: runtime.ssh_key.as_ref().map(|key| key.public_key.clone()),
    })
}

/// All followers and sweeps of this process. Dropping it does not stop them; [`Managers::stop`] does.
pub struct Managers {
    cancel: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    provisioning: Arc<Follower<provisioning::Provisioning>>,
    work: Arc<Follower<tasks::Tasks>>,
    metering: Arc<Follower<metering::Metering>>,
    cleanup: Arc<Follower<cleanup::Cleanup>>,
    cron: Arc<Follower<cron::CronJobs>>,
    mail: Arc<Follower<mail::Mails>>,
}

impl Managers {
    /// Starts everything; each follower and sweep is active on one node at a time.
    pub fn start(
        context: &Context,
        checkpoints: &Arc<dyn Checkpoints>,
        holder: &str,
        config: &FollowerConfig,
    ) -> Self {
        let cancel = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let managers = Self {
            provisioning: follow(
                provisioning::Provisioning::new(context.clone()),
                context,
                checkpoints,
                holder,
                config,
            ),
            work: follow(
                tasks::Tasks::new(context.clone()),
                context,
                checkpoints,
                holder,
                config,
            ),
            metering: follow(
                metering::Metering::new(context.clone()),
                context,
                checkpoints,
                holder,
                config,
            ),
            cleanup: follow(
                cleanup::Cleanup::new(context.clone()),
                context,
                checkpoints,
                holder,
                config,
            ),
            mail: follow(
                mail::Mails::new(context.clone()),
                context,
                checkpoints,
                holder,
                config,
            ),
            cron: follow(
                cron::CronJobs::new(context.clone()),
                context,
                checkpoints,
                holder,
                config,
            ),
            cancel: cancel.clone(),
            tasks: tokio::sync::Mutex::default(),
        };
        spawn(&mut tasks, &managers.provisioning, &cancel);
        spawn(&mut tasks, &managers.work, &cancel);
        spawn(&mut tasks, &managers.metering, &cancel);
        spawn(&mut tasks, &managers.cleanup, &cancel);
        spawn(&mut tasks, &managers.cron, &cancel);
        spawn(&mut tasks, &managers.mail, &cancel);
        let sweeps: [Arc<dyn Sweep>; 4] = [
            Arc::new(metering::MeteringTick::new(context.clone())),
            Arc::new(timers::DueTimers::new(context.clone())),
            Arc::new(reconcile::Reconcile::new(context.clone())),
            Arc::new(timers::ForgetOldAnswers::new(context.clone())),
        ];
        for sweep in sweeps {
            tasks.spawn(run_sweep(
                sweep,
                Arc::clone(checkpoints),
                holder.to_owned(),
                cancel.clone(),
            ));
        }
        Self {
            tasks: tokio::sync::Mutex::new(tasks),
            ..managers
        }
    }

    /// Delivers to webhooks as well, on one node at a time.
    pub async fn deliver(&self, dispatcher: Dispatcher) {
        let cancel = self.cancel.clone();
        let mut tasks = self.tasks.lock().await;
        tasks.spawn(async move { dispatcher.run(cancel).await });
    }

    /// Performs the parked intents of a key again.
    pub async fn retry_parked(&self, manager: &str, key: &str) -> Result<Option<Retried>, LogError> {
        Ok(Some(match manager {
            provisioning::NAME => self.provisioning.retry_parked(key).await?,
            tasks::NAME => self.work.retry_parked(key).await?,
            metering::NAME => self.metering.retry_parked(key).await?,
            cleanup::NAME => self.cleanup.retry_parked(key).await?,
            cron::NAME => self.cron.retry_parked(key).await?,
            mail::NAME => self.mail.retry_parked(key).await?,
            _ => return Ok(None),
        }))
    }

    /// Lets what is being performed finish, then gives the leases up.
    pub async fn stop(&self) {
        self.cancel.cancel();
        let mut tasks = self.tasks.lock().await;
        while let Some(joined) = tasks.join_next().await {
            if let Err(error) = joined {
                tracing::error!(%error, "a follower ended badly");
            }
        }
    }
}

fn follow<M: ProcessManager>(
    manager: M,
    context: &Context,
    checkpoints: &Arc<dyn Checkpoints>,
    holder: &str,
    config: &FollowerConfig,
) -> Arc<Follower<M>> {
    let log = Arc::clone(&context.bus.services().log);
    Arc::new(Follower::new(
        Arc::new(manager),
        log,
        Arc::clone(checkpoints),
        holder,
        config.clone(),
    ))
}

fn spawn<M: ProcessManager>(
    tasks: &mut JoinSet<()>,
    follower: &Arc<Follower<M>>,
    cancel: &CancellationToken,
) {
    let follower = Arc::clone(follower);
    let cancel = cancel.clone();
    tasks.spawn(async move { follower.run(cancel).await });
}

#[cfg(test)]
mod tests;
