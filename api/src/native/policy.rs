//! The dry run of a policy: what would be done with a text, and why.

use axum::{extract::State, http::StatusCode};
use reef_domain::{
    PolicyId,
    policy::{Rules, evaluate as judge},
};
use reef_projections::{Projection, views::policy::Policies};
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
    let rules = match (rules, policy_id) {
        (Some(rules), None) => rules,
        (None, Some(id)) => rules_of(&state, &principal, &id).await?,
        (Some(_), Some(_)) | (None, None) => {
            return Err(Problem::of("invalid_command", "Give either rules or policy_id.").at("rules"));
        }
    };
    Rules::parse(&rules).map_err(|error| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "rules_invalid",
            error.to_string(),
        )
        .at("rules")
    })?;
    Answered::of(&judge(Some(&rules), &[], &text))
}

async fn rules_of(state: &App, principal: &Principal, id: &PolicyId) -> Result<String, Problem> {
    let policy = state.views_port().doc::<Policies>(id.as_str()).await?;
    let policy = policy.filter(|policy| principal.may_read(Some(&policy.account_id)));
    policy
        .map(|policy| policy.rules)
        .ok_or_else(|| not_found("policy", id.as_str()))
}
