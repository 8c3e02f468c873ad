//! The process managers, moved by hand: one event at a time, on whichever node, sometimes twice.

use std::{sync::Arc, time::Duration};

use reef_commands::{
    follower::{Cause, EffectError, ProcessManager, Sweep},
    managers::{
        Context, cleanup::Cleanup, metering::Metering, metering::MeteringTick, provisioning::Provisioning,
        reconcile::Reconcile, tasks::Tasks, timers::DueTimers,
    },
    memory::MemoryStore,
};
use reef_domain::Envelope;

use crate::chance::{Chance, trace};

/// How many managers there are.
pub(crate) const MANAGERS: usize = 4;
/// Tries of one intent before it is set aside.
const TRIES: usize = 8;

/// How far each manager is, as its checkpoint says, and what it set aside.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    checkpoints: [usize; MANAGERS],
    parked: Vec<(usize, Arc<Envelope>)>,
}

impl Progress {
    /// Moves one manager on by at most `count` events.
    pub(crate) async fn advance(
        &mut self,
        which: usize,
        count: usize,
        store: &MemoryStore,
        context: &Context,
        chance: &Chance,
    ) {
        let batch: Vec<_> = store
            .events()
            .into_iter()
            .skip(self.checkpoints[which])
            .take(count)
            .collect();
        for envelope in batch {
            if !perform(which, context, &envelope).await {
                self.parked.push((which, Arc::clone(&envelope)));
            }
            // The process dies before the checkpoint is saved: all of it runs again.
            if chance.percent(5) {
                trace("a manager runs again");
                return;
            }
            self.checkpoints[which] += 1;
        }
    }

    /// The operator has what was set aside tried again, in order; whether everything went well.
    pub(crate) async fn retry_parked(&mut self, context: &Context) {
        for (which, envelope) in std::mem::take(&mut self.parked) {
            if !perform(which, context, &envelope).await {
                self.parked.push((which, envelope));
            }
        }
    }

    /// Whether every manager has done all that follows from the events up to there.
    pub(crate) fn is_at(&self, position: usize) -> bool {
        self.parked.is_empty() && self.checkpoints.iter().all(|at| *at == position)
    }
}

async fn perform(which: usize, context: &Context, envelope: &Arc<Envelope>) -> bool {
    match which {
        0 => perform_as(&Provisioning::new(context.clone()), envelope).await,
        1 => perform_as(&Tasks::new(context.clone()), envelope).await,
        2 => perform_as(&Metering::new(context.clone()), envelope).await,
        _ => perform_as(&Cleanup::new(context.clone()), envelope).await,
    }
}

/// Performs what the manager makes of the event; whether all of it went well in the end.
async fn perform_as<M: ProcessManager>(manager: &M, envelope: &Arc<Envelope>) -> bool {
    let mut well = true;
    for intent in manager.react(envelope) {
        let cause = Cause {
            manager: manager.name(),
            envelope: Arc::clone(envelope),
            step: intent.step,
        };
        let mut failed = None;
        for _ in 0..TRIES {
            failed = manager.perform(&intent.action, &cause).await.err();
            if !matches!(failed, Some(EffectError::Transient(_))) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if let Some(error) = failed {
            trace(&format!("parked: {} {}: {error}", cause.token().0, intent.key));
            well = false;
        }
    }
    well
}

/// Runs one sweep. Where it fails, it is tried again at its next interval.
pub(crate) async fn sweep(which: usize, context: &Context) {
    let swept = match which {
        0 => MeteringTick::new(context.clone()).sweep().await,
        1 => DueTimers::new(context.clone()).sweep().await,
        _ => Reconcile::new(context.clone()).sweep().await,
    };
    if let Err(error) = swept {
        trace(&format!("sweep {which}: {error}"));
    }
}
