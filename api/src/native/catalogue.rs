//! The catalogue of commands.

use axum::extract::Path;
use reef_commands::{Audience, CommandSpec, catalogue, find_command};
use serde_json::{Value, json};

use crate::{Problem, answer::Answered, auth::Principal, params::Params};

/// `GET /v1/commands`.
pub(super) async fn list(_: Principal, params: Params) -> Result<Answered, Problem> {
    params.finish(&[])?;
    let all: Vec<Value> = catalogue().iter().map(described).collect();
    Answered::of(&json!({ "data": all }))
}

/// `GET /v1/commands/{name}`.
pub(super) async fn get(_: Principal, Path(name): Path<String>, params: Params) -> Result<Answered, Problem> {
    params.finish(&[])?;
    Answered::of(&described(known(&name)?))
}

/// The command of that name.
pub(super) fn known(name: &str) -> Result<&'static CommandSpec, Problem> {
    let unknown = || {
        Problem::of(
            "unknown_command",
            format!("There is no command {name:?}; GET /v1/commands lists them."),
        )
    };
    find_command(name).ok_or_else(unknown)
}

/// Whom the command is for, as it is shown.
pub(super) fn audience(spec: &CommandSpec) -> &'static str {
    match spec.audience {
        Audience::Operator => "operator",
        Audience::Account => "account",
    }
}

fn described(spec: &CommandSpec) -> Value {
    let schema = spec.schema();
    json!({
        "name": spec.name,
        "audience": audience(spec),
        "scope": spec.scope,
        "description": schema.get("description"),
        "schema": schema,
    })
}
