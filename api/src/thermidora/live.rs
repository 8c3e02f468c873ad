//! Instances as what is in them sees them.

use reef_domain::runtime::RuntimeStatus;
use reef_projections::views::runtime::{RuntimeDoc, Runtimes};

use crate::{Problem, dialect::Call, problem::not_found};

/// The instance of that id, if it is the account's and is not being removed.
pub(super) async fn instance(call: &Call, id: &str) -> Result<RuntimeDoc, Problem> {
    let runtime = call.own::<Runtimes>("runtime", id).await?;
    if runtime.status == RuntimeStatus::Destroying {
        return Err(not_found("runtime", id));
    }
    Ok(runtime)
}
