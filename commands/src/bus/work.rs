//! What the bus runs: commands, our own transactions, and single decisions.

use futures::future::BoxFuture;
use reef_domain::Decider;

use crate::{CommandError, Outcome, Unit, UseCase};

/// What one try of the bus runs.
pub(super) trait Work: Sync {
    fn work(&self, unit: &mut Unit<'_>) -> impl Future<Output = Result<Outcome, CommandError>> + Send;
}

impl<C: UseCase> Work for C {
    fn work(&self, unit: &mut Unit<'_>) -> impl Future<Output = Result<Outcome, CommandError>> + Send {
        self.handle(unit)
    }
}

pub(super) struct Transaction<F>(pub(super) F);

impl<F> Work for Transaction<F>
where
    F: for<'u, 'a> Fn(&'u mut Unit<'a>) -> BoxFuture<'u, Result<Outcome, CommandError>> + Send + Sync,
{
    fn work(&self, unit: &mut Unit<'_>) -> impl Future<Output = Result<Outcome, CommandError>> + Send {
        (self.0)(unit)
    }
}

pub(super) struct Decision<D: Decider> {
    pub(super) id: String,
    pub(super) command: D::Command,
}

impl<D: Decider> Work for Decision<D>
where
    D::Command: Sync,
{
    async fn work(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.decide::<D>(&self.id, self.command.clone()).await?;
        Ok(Outcome::of::<D>(&self.id))
    }
}
