//! Every route: one per command and view, and the fixed ones.

use reef_commands::{Answer, Audience, CommandSpec, UseCase as _, catalogue, conversation::SendMessage};
use reef_domain::policy::Verdict;
use reef_projections::{AnyView, Projection, views::policy::Policies};
use serde_json::{Value, json};

use super::{Route, Schemas, Views, Who, schemas::reference};
use crate::{
    cloud_event::BATCH,
    native::{events, views as view_routes},
    sealed,
};

const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";
const TEXT: &str = "text/plain";
const AT: &str = "A position, or a time as in RFC 3339: how it was then.";

/// Every route.
pub(super) fn all(views: &Views, schemas: &mut Schemas) -> Vec<Route> {
    let answer = schemas.add("Answer", schemars::schema_for!(Answer));
    let verdict = schemas.add("Verdict", schemars::schema_for!(Verdict));
    let mut routes: Vec<Route> = catalogue()
        .iter()
        .map(|spec| command(spec, &answer, schemas))
        .collect();
    routes.extend(about_commands());
    for view in views.values() {
        routes.extend(view_reads(&**view, schemas));
    }
    routes.push(
        Route::get("Views", "/v1/views", "listViews", "Which views there are").answers(JSON, data_list()),
    );
    routes.extend(streams());
    routes.extend(feed());
    routes.extend(log());
    routes.push(policy(verdict));
    routes.extend(operator());
    routes.extend(operations());
    routes
}

fn data_list() -> Value {
    json!({
        "type": "object",
        "required": ["data"],
        "properties": { "data": { "type": "array", "items": { "type": "object" } } },
    })
}

fn page_of(item: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["data", "next", "position"],
        "properties": {
            "data": { "type": "array", "items": item },
            "next": { "type": ["integer", "null"], "description": "Pass as `after` for the next page." },
            "position": { "type": "integer", "description": "Position of the log that the page reflects." },
        },
    })
}

fn command(spec: &CommandSpec, answer: &Value, schemas: &mut Schemas) -> Route {
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
    )
    .header(
        "If-Match",
        "The sequence that the aggregate must have, in quotes: an `ETag`.",
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

fn about_commands() -> [Route; 2] {
    [
        Route::get(
            "Commands",
            "/v1/commands",
            "listCommands",
            "The catalogue of commands",
        )
        .answers(JSON, data_list()),
        Route::get(
            "Commands",
            "/v1/commands/{name}",
            "getCommand",
            "One command with the JSON Schema of its body",
        )
        .path_parameter("name", "Name of the command.")
        .answers(JSON, json!({ "type": "object" }))
        .fails(&[404]),
    ]
}

fn view_reads(view: &dyn AnyView, schemas: &mut Schemas) -> [Route; 2] {
    let name = view.name();
    let schema = view.schema();
    let title = schema
        .get("title")
        .and_then(Value::as_str)
        .unwrap_or(name)
        .to_owned();
    let about = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let doc = schemas.add(
        &title,
        if sealed::are_in(name) {
            with_content(schema)
        } else {
            schema
        },
    );
    let who = if view_routes::is_operators_only(name) {
        Who::Operator
    } else {
        Who::Credential
    };
    let camel: String = name.split('_').map(capital).collect();
    let mut list = Route::get(
        "Views",
        format!("/v1/views/{name}"),
        format!("list{camel}"),
        &format!("List {}", name.replace('_', " ")),
    )
    .says(&about)
    .only_for(who)
    .needs(view_routes::scope(name))
    .number("limit", "At most so many.", 1, 500)
    .position("after", "`next` of the page before. Newest first.");
    for filter in view_routes::filters(view) {
        list = list.query(filter, &format!("Only those whose `{filter}` is this."));
    }
    let get = Route::get(
        "Views",
        format!("/v1/views/{name}/{{id}}"),
        format!("get{camel}"),
        &format!("Read one of {}", name.replace('_', " ")),
    )
    .says(&about)
    .only_for(who)
    .needs(view_routes::scope(name))
    .path_parameter("id", "Its id.")
    .query("at", AT)
    .conditional()
    .answers(JSON, doc.clone())
    .fails(&[404, 422]);
    [list.answers(JSON, page_of(&doc)), get]
}

/// Readers get contents opened.
fn with_content(schema: schemars::Schema) -> schemars::Schema {
    let mut value = schema.to_value();
    if let Some(properties) = value["properties"].as_object_mut() {
        properties.remove("content_sealed");
        let content =
            json!({ "type": ["string", "null"], "description": "What it says; null once deleted for good." });
        properties.insert("content".to_owned(), content);
    }
    if let Some(required) = value["required"].as_array_mut() {
        required
            .iter_mut()
            .filter(|name| *name == "content_sealed")
            .for_each(|name| *name = "content".into());
    }
    schemars::Schema::try_from(value).unwrap_or_default()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

fn streams() -> [Route; 2] {
    let path = "/v1/streams/{type}/{id}";
    [
        Route::get("Streams", path, "readStream", "The events of one aggregate")
            .says("`after` and `next` are sequences.")
            .needs(events::SCOPE)
            .path_parameter("type", "Type of the aggregate, such as `agent`.")
            .path_parameter("id", "Id of the aggregate, percent-encoded.")
            .position("after", "Only events with a greater sequence.")
            .number("limit", "At most so many.", 1, 1000)
            .answers(JSON, page_of(&reference("CloudEvent")))
            .fails(&[404]),
        Route::get(
            "Streams",
            format!("{path}/state"),
            "readState",
            "The folded state of one aggregate",
        )
        .needs(events::SCOPE)
        .path_parameter("type", "Type of the aggregate.")
        .path_parameter("id", "Id of the aggregate, percent-encoded.")
        .query("at", AT)
        .answers(
            JSON,
            json!({
                "type": "object",
                "required": ["type", "id", "sequence", "position", "recorded_at", "state"],
                "properties": {
                    "type": { "type": "string" },
                    "id": { "type": "string" },
                    "sequence": { "type": "integer" },
                    "position": { "type": "integer" },
                    "recorded_at": { "type": "string", "format": "date-time" },
                    "state": { "type": "object" },
                },
            }),
        )
        .fails(&[404]),
    ]
}

fn filtered(route: Route) -> Route {
    route
        .needs(events::SCOPE)
        .query("types", "Only these event types, with commas between them.")
        .query("aggregate_type", "Only of this aggregate type.")
        .query("aggregate_id", "Only of this aggregate.")
        .query(
            "account_id",
            "Only of this account; accounts get their own in any case.",
        )
}

fn feed() -> [Route; 2] {
    let batch = Route::get(
        "Events",
        "/v1/events",
        "readEvents",
        "Events as a CloudEvents batch",
    )
    .says("`Reef-Next` and `Link` say where the next batch begins.")
    .position("after", "Only events after this position.")
    .number("limit", "At most so many.", 1, 1000)
    .number(
        "wait",
        "Where there is nothing yet: wait so many seconds for something.",
        0,
        60,
    );
    let stream = Route::get(
        "Events",
        "/v1/events/stream",
        "followEvents",
        "Events as they happen",
    )
    .says(
        "Server-sent events: `id` is the position, `event` the type, `data` the CloudEvent on one line. \
             Begins at `Last-Event-ID`, else at `after`, else now. A revoked credential ends it.",
    )
    .position("after", "Begin after this position.")
    .header(
        "Last-Event-ID",
        "Resume after this position; browsers send it by themselves.",
    );
    [
        filtered(batch).answers(
            BATCH,
            json!({ "type": "array", "items": reference("CloudEvent") }),
        ),
        filtered(stream).answers(STREAM, json!({ "type": "string" })),
    ]
}

fn log() -> [Route; 5] {
    let base64 = json!({ "type": "string", "contentEncoding": "base64" });
    let proof = |fields: &[&str], hashes: &[&str]| {
        let mut properties = json!({ "proof": { "type": "array", "items": base64 } });
        for field in fields {
            properties[*field] = json!({ "type": "integer" });
        }
        for hash in hashes {
            properties[*hash] = base64.clone();
        }
        json!({ "type": "object", "required": ["proof"], "properties": properties })
    };
    [
        Route::get(
            "Log",
            "/v1/log/checkpoint",
            "getCheckpoint",
            "The signed checkpoint of the log",
        )
        .says("A C2SP checkpoint: origin, number of events, root hash, Ed25519 signature. Keep it elsewhere.")
        .answers(TEXT, json!({ "type": "string" })),
        Route::get(
            "Log",
            "/v1/log/key",
            "getCheckpointKey",
            "The key that checkpoints are verified with",
        )
        .answers(TEXT, json!({ "type": "string" })),
        Route::get(
            "Log",
            "/v1/log/leaves",
            "listLeafHashes",
            "Leaf hashes in order of position",
        )
        .says("Hexadecimal. With them an export of events can be checked event by event.")
        .only_for(Who::Operator)
        .position(
            "after",
            "Only those after this position; from the first when absent.",
        )
        .number("limit", "At most so many.", 1, 1000)
        .answers(
            JSON,
            json!({
                "type": "object",
                "required": ["data", "position"],
                "properties": {
                    "data": { "type": "array", "items": { "type": "string" } },
                    "position": { "type": "integer" },
                },
            }),
        ),
        Route::get(
            "Log",
            "/v1/log/proof/inclusion",
            "proveInclusion",
            "Proof that an event is in the log",
        )
        .says("RFC 6962: the leaf's index is its position less one. Accounts may ask about their own events.")
        .position("position", "Position of the event.")
        .required()
        .position("size", "Number of events in the log; now when absent.")
        .answers(
            JSON,
            proof(&["position", "index", "size"], &["leaf_hash", "root"]),
        )
        .fails(&[404]),
        Route::get(
            "Log",
            "/v1/log/proof/consistency",
            "proveConsistency",
            "Proof that the log was only added to",
        )
        .only_for(Who::Operator)
        .position("from", "Number of events in the older log.")
        .required()
        .position("to", "Number of events in the newer log; now when absent.")
        .answers(JSON, proof(&["from", "to"], &["from_root", "to_root"])),
    ]
}

fn policy(verdict: Value) -> Route {
    let body = json!({
        "type": "object",
        "required": ["text"],
        "additionalProperties": false,
        "properties": {
            "rules": { "type": "string", "description": "Rules, one per line; or:" },
            "policy_id": { "type": "string", "description": "A policy whose rules count." },
            "text": { "type": "string", "description": "What is to be done." },
        },
    });
    let path = "/v1/policies/evaluate";
    Route::post(
        "Policies",
        path,
        "evaluatePolicy",
        "What a policy says to a text, and why",
        Some(body),
    )
    .needs(view_routes::scope(Policies::NAME))
    .answers(JSON, verdict)
    .fails(&[404])
}

fn operator() -> [Route; 4] {
    let retry = json!({
        "type": "object",
        "required": ["manager", "key"],
        "additionalProperties": false,
        "properties": { "manager": { "type": "string" }, "key": { "type": "string" } },
    });
    let retried = json!({
        "type": "object",
        "required": ["done", "stopped_by"],
        "properties": { "done": { "type": "integer" }, "stopped_by": { "type": ["string", "null"] } },
    });
    [
        Route::get(
            "Operator",
            "/v1/system",
            "getSystem",
            "Head of the log, lag of the followers, versions",
        )
        .only_for(Who::Operator)
        .answers(JSON, json!({ "type": "object" })),
        Route::get(
            "Operator",
            "/v1/parked",
            "listParked",
            "Effects that were set aside after failing",
        )
        .only_for(Who::Operator)
        .query("manager", "Only of this process manager.")
        .answers(JSON, data_list()),
        Route::post(
            "Operator",
            "/v1/parked/retry",
            "retryParked",
            "Perform the parked effects of a key again",
            Some(retry),
        )
        .only_for(Who::Operator)
        .answers(JSON, retried)
        .fails(&[404]),
        Route::post(
            "Operator",
            "/v1/views/{view}/rebuild",
            "rebuildView",
            "Build a view anew from the log",
            None,
        )
        .says("The old one serves until the new one is ready; the answer comes then.")
        .only_for(Who::Operator)
        .path_parameter("view", "Name of the view.")
        .answers(JSON, json!({ "type": "object" }))
        .fails(&[404]),
    ]
}

fn operations() -> [Route; 5] {
    let open = |path: &str, id: &str, summary: &str| {
        Route::get("Operations", path, id, summary).only_for(Who::Anybody)
    };
    [
        open("/healthz", "healthz", "Whether the process lives").answers(JSON, json!({ "type": "object" })),
        open("/readyz", "readyz", "Whether the log and the views answer")
            .answers(JSON, json!({ "type": "object" })),
        open("/metrics", "metrics", "Figures for Prometheus")
            .answers(TEXT, json!({ "type": "string" }))
            .fails(&[404]),
        open("/openapi.json", "openapi", "This document")
            .conditional()
            .answers(JSON, json!({ "type": "object" })),
        open("/docs", "docs", "This document, for people")
            .conditional()
            .answers("text/html", json!({ "type": "string" })),
    ]
}
