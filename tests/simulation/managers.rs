//! The process managers, moved by hand: one event at a time, on whichever node, sometimes twice.

use reef_commands::{
    follower::{Cause, EffectError, ProcessManager, Sweep},
    managers::{
        Context, cleanup::Cleanup, metering::Metering, metering::MeteringTick, provisioning::Provisioning,
        reconcile::Reconcile, tasks::Tasks, timers::DueTimers,
    },
    memory::MemoryStore,
};

use crate::chance::{Chance, trace};

/// Tries of one intent before it is given up, as a follower parks it.
const TRIES: usize = 8;

/// How far each manager is, as its checkpoint says.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    provisioning: usize,
    tasks: usize,
    metering: usize,
    cleanup: usize,
    /// Intents that failed for good.
    pub(crate) parked: Vec<String>,
}

impl Checkpoints {
    /// Moves one manager on by at most `events` events.
    pub(crate) async fn advance(
        &mut self,
        which: usize,
        events: usize,
        store: &MemoryStore,
        context: &Context,
        chance: &Chance,
    ) {
        let Self {
            provisioning,
            tasks,
            metering,
            cleanup,
            parked,
        } = self;
        let from = From {
            store,
            chance,
            events,
            parked,
        };
        match which % 4 {
            0 => {
                from.advance(&Provisioning::new(context.clone()), provisioning)
                    .await;
            }
            1 => from.advance(&Tasks::new(context.clone()), tasks).await,
            2 => from.advance(&Metering::new(context.clone()), metering).await,
            _ => from.advance(&Cleanup::new(context.clone()), cleanup).await,
        }
    }

    /// Whether every manager has seen everything.
    pub(crate) fn are_at(&self, position: usize) -> bool {
        [self.provisioning, self.tasks, self.metering, self.cleanup]
            .iter()
            .all(|at| *at == position)
    }
}

struct From<'a> {
    store: &'a MemoryStore,
    chance: &'a Chance,
    events: usize,
    parked: &'a mut Vec<String>,
}

impl From<'_> {
    async fn advance<M: ProcessManager>(self, manager: &M, checkpoint: &mut usize) {
        let batch: Vec<_> = self
            .store
            .events()
            .into_iter()
            .skip(*checkpoint)
            .take(self.events)
            .collect();
        for envelope in batch {
            for intent in manager.react(&envelope) {
                let cause = Cause {
                    manager: manager.name(),
                    envelope: envelope.clone(),
                    step: intent.step,
                };
                let mut failed = None;
                for _ in 0..TRIES {
                    failed = manager.perform(&intent.action, &cause).await.err();
                    if !matches!(failed, Some(EffectError::Transient(_))) {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                if let Some(error) = failed {
                    trace(&format!("parked: {} {}: {error}", cause.token().0, intent.key));
                    self.parked
                        .push(format!("{} {}: {error}", cause.token().0, intent.key));
                }
            }
            // The process dies before the checkpoint is saved: all of it runs again.
            if self.chance.percent(5) {
                trace("a manager runs again");
                return;
            }
            *checkpoint += 1;
        }
    }
}

/// Runs one sweep.
pub(crate) async fn sweep(which: usize, context: &Context) {
    let swept = match which % 3 {
        0 => MeteringTick::new(context.clone()).sweep().await,
        1 => DueTimers::new(context.clone()).sweep().await,
        _ => Reconcile::new(context.clone()).sweep().await,
    };
    // It is tried again at its next interval.
    drop(swept);
}
