//! Which views there are, and who may read them.

use axum::extract::State;
use reef_projections::{
    AnyView, Projection,
    views::{api_key::Credentials, timer::Timers},
};
use serde_json::{Value, json};

use crate::{App, Problem, answer::Answered, auth::Principal, params::Params};

/// Views that say nothing to an account: digests of keys, and the system's own alarm clock.
const OPERATORS_ONLY: [&str; 2] = [Credentials::NAME, Timers::NAME];

/// `GET /v1/views`.
pub(super) async fn list(
    State(state): State<App>,
    principal: Principal,
    params: Params,
) -> Result<Answered, Problem> {
    params.finish(&[])?;
    let shown = state.views.values().filter(|view| is_shown(&***view, &principal));
    let all: Vec<Value> = shown.map(|view| described(&**view)).collect();
    Answered::of(&json!({ "data": all }))
}

/// The view of that name, if the caller may read it.
pub(super) fn readable<'a>(
    state: &'a App,
    name: &str,
    principal: &Principal,
) -> Result<&'a dyn AnyView, Problem> {
    let view = known(state, name)?;
    if !is_shown(view, principal) {
        principal.operator()?;
    }
    principal.require(&scope(view.name()))?;
    Ok(view)
}

/// The view of that name.
pub(super) fn known<'a>(state: &'a App, name: &str) -> Result<&'a dyn AnyView, Problem> {
    let unknown = || {
        Problem::of(
            "unknown_view",
            format!("There is no view {name:?}; GET /v1/views lists them."),
        )
    };
    state.views.get(name).map(|view| &**view).ok_or_else(unknown)
}

/// Whether only the operator may read the view.
pub(crate) fn is_operators_only(name: &str) -> bool {
    OPERATORS_ONLY.contains(&name)
}

/// The scope that reading the view needs.
pub(crate) fn scope(view: &str) -> String {
    format!("{view}:read")
}

/// Names of what a list of the view can be narrowed by.
pub(crate) fn filters(view: &dyn AnyView) -> Vec<&'static str> {
    let mut names = vec!["account_id", "status"];
    names.extend(view.parent());
    names.extend(view.filters());
    names.sort_unstable();
    names.dedup();
    names
}

fn is_shown(view: &dyn AnyView, principal: &Principal) -> bool {
    principal.is_operator() || !is_operators_only(view.name())
}

fn described(view: &dyn AnyView) -> Value {
    json!({
        "name": view.name(),
        "version": view.version(),
        "scope": scope(view.name()),
        "filters": filters(view),
        "schema": view.schema(),
    })
}
