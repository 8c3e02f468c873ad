//! One route per command, and those about commands.

use reef_commands::{Audience, CommandSpec, UseCase as _, conversation::SendMessage};
use serde_json::{Value, json};

use super::{CATALOGUE, JSON, STREAM, data_list};
use crate::native::openapi::{Route, Schemas, Who};

pub(super) fn command(spec: &CommandSpec, answer: &Value, schemas: &mut Schemas) -> Route {
    let schema = spec.schema();
    let description = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let summary = description
        .split_once(". ")
        .map_or(description.as_str(), |(first, _)| first);
    let body = schemas.add(spec.name, schema.clone());
    let who = match spec.audience {
        Audience::Operator => Who::Operator,
        Audience::Account => Who::Credential,
    };
    let route = Route::post(
        "Commands",
        format!("/v1/commands/{}", spec.name),
        spec.name,
        summary.trim_end_matches('.'),
        Some(body),
    )
    .says(&description)
    .only_for(who)
    .needs(spec.scope)
    .header(
        "Idempotency-Key",
        "1 to 255 visible ASCII characters: the same key and body get the same answer.",
        "^[\\u0021-\\u007e]{1,255}$",
    )
    .header(
        "If-Match",
        "The sequence that the aggregate must have, in quotes: an `ETag`.",
        "^\"[0-9]{1,18}\"$",
    )
    .answers(JSON, answer.clone())
    .fails(&[402, 404, 409, 412, 422]);
    if spec.name == SendMessage::NAME {
        let frames = "The reply as it is said: `sent` (the answer to the command), `delta` with more `text`, then \
                      `message` (what was recorded) or `error` (a problem).";
        return route
            .answers(STREAM, json!({ "type": "string", "description": frames }))
            .fails(&[406, 502]);
    }
    route
}

/// The catalogue as a whole.
pub(super) fn all() -> Route {
    Route::get(
        "Commands",
        "/v1/commands",
        "listCommands",
        "The catalogue of commands",
    )
    .says("`GET /v1/commands/{name}` describes one of them, with the JSON Schema of its body.")
    .answers(JSON, data_list())
}

/// One command of the catalogue.
pub(super) fn description(spec: &CommandSpec) -> Route {
    let path = format!("/v1/commands/{}", spec.name);
    let id = format!("describe{}", spec.name);
    Route::get(CATALOGUE, path, id, &format!("Describes {}", spec.name))
        .answers(JSON, json!({ "type": "object" }))
}
