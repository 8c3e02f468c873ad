//! Machines with what their runtimes do and when they were seen last, which no view holds.

use axum::extract::State;
use reef_commands::machine::list_account_machines;
use reef_domain::AccountId;
use reef_projections::{Projection as _, views::machine::Machines};
use serde_json::json;

use super::views;
use crate::{App, Problem, answer::Answered, auth::Principal, params::Params};

/// `GET /v1/machines`: those of the caller's account.
pub(super) async fn list(
    State(state): State<App>,
    principal: Principal,
    mut params: Params,
) -> Result<Answered, Problem> {
    principal.require(&views::scope(Machines::NAME))?;
    let named = params.text("account_id")?.map(AccountId::from);
    params.finish(&["account_id"])?;
    let account = match (principal.account(), named) {
        (Some(own), Some(named)) if *own != named => {
            return Err(Problem::of("forbidden", "The account is another's."));
        }
        (Some(own), _) => own.clone(),
        (None, Some(named)) => named,
        (None, None) => {
            let detail = "The operator must name the account.";
            return Err(Problem::parameter("account_id", detail.to_owned()));
        }
    };
    let machines = list_account_machines(state.services(), &account).await?;
    Answered::of(&json!({ "data": machines }))
}
