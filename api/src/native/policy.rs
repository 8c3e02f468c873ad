//! The dry run of a policy: what would be done with a text or with past tasks, and why.

use axum::{extract::State, http::StatusCode};
use reef_commands::policy::{MAX_PAST_TASKS, PastTasks};
use reef_domain::{
    AccountId, AgentId, PolicyId,
    policy::{Rules, evaluate as judge},
};
use reef_projections::{
    Projection,
    views::{policy::Policies, task::Tasks},
};
use serde::{Deserialize, Deserializer};

use super::views;
use crate::{App, Problem, answer::Answered, auth::Principal, body::JsonBody, problem::not_found};

/// Longest text that is judged, in characters.
const MAX_CHARS: usize = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evaluate {
    #[serde(default, deserialize_with = "given")]
    rules: Option<String>,
    #[serde(default, deserialize_with = "given")]
    policy_id: Option<PolicyId>,
    text: String,
}

/// A value that may be left out, but not be null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EvaluateTasks {
    #[serde(default, deserialize_with = "given")]
    rules: Option<String>,
    #[serde(default, deserialize_with = "given")]
    policy_id: Option<PolicyId>,
    #[serde(default, deserialize_with = "given")]
    account_id: Option<AccountId>,
    #[serde(default, deserialize_with = "given")]
    agent_id: Option<AgentId>,
    #[serde(default = "usual_limit")]
    limit: u32,
}

fn usual_limit() -> u32 {
    100
}

/// `POST /v1/policies/evaluate/tasks`: what was done with the newest tasks, and what would be.
pub(super) async fn evaluate_tasks(
    State(state): State<App>,
    principal: Principal,
    body: JsonBody,
) -> Result<Answered, Problem> {
    principal.require(&views::scope(Policies::NAME))?;
    principal.require(&views::scope(Tasks::NAME))?;
    let EvaluateTasks {
        rules,
        policy_id,
        account_id,
        agent_id,
        limit,
    } = body.parse()?;
    if !(1..=MAX_PAST_TASKS).contains(&limit) {
        return Err(Problem::of("invalid_command", "A limit is 1 to 500.").at("limit"));
    }
    let own = principal.caller().account_id.as_ref();
    let account_id = match (own, account_id) {
        (Some(own), Some(named)) if *own != named => return Err(not_found("account", named.as_str())),
        (Some(own), _) => own.clone(),
        (None, Some(named)) => named,
        (None, None) => {
            return Err(Problem::of("invalid_command", "The operator names the account.").at("account_id"));
        }
    };
    let rules = parsed(&chosen(&state, &principal, rules, policy_id).await?)?;
    let past = PastTasks {
        account_id,
        agent_id,
        limit,
    };
    Answered::of(&past.judge(state.views_port(), &rules).await?)
}

/// `POST /v1/policies/evaluate`: by the rules given, or by those of a policy.
pub(super) async fn evaluate(
    State(state): State<App>,
    principal: Principal,
    body: JsonBody,
) -> Result<Answered, Problem> {
    principal.require(&views::scope(Policies::NAME))?;
    let Evaluate {
        rules,
        policy_id,
        text,
    } = body.parse()?;
    if text.chars().count() > MAX_CHARS {
        return Err(Problem::of("invalid_command", "A text has at most 100,000 characters.").at("text"));
    }
    let rules = chosen(&state, &principal, rules, policy_id).await?;
    parsed(&rules)?;
    Answered::of(&judge(Some(&rules), &[], &text))
}

/// The rules given, or those of the policy named.
async fn chosen(
    state: &App,
    principal: &Principal,
    rules: Option<String>,
    policy_id: Option<PolicyId>,
) -> Result<String, Problem> {
    match (rules, policy_id) {
        (Some(rules), None) => Ok(rules),
        (None, Some(id)) => rules_of(state, principal, &id).await,
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::of("invalid_command", "Give either rules or policy_id.").at("rules"))
        }
    }
}

fn parsed(rules: &str) -> Result<Rules, Problem> {
    Rules::parse(rules).map_err(|error| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rules_invalid",
            error.to_string(),
        )
        .at("rules")
    })
}

async fn rules_of(state: &App, principal: &Principal, id: &PolicyId) -> Result<String, Problem> {
    let policy = state.views_port().doc::<Policies>(id.as_str()).await?;
    let policy = policy.filter(|policy| principal.may_read(Some(&policy.account_id)));
    policy
        .map(|policy| policy.rules)
        .ok_or_else(|| not_found("policy", id.as_str()))
}
