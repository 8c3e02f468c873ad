//! What runs the server: dry runs of policies, the operator's own routes, health and documentation.

use reef_projections::{Projection, views::policy::Policies};
use serde_json::{Value, json};

use super::{JSON, TEXT, data_list};
use crate::native::{
    openapi::{Route, Who},
    views,
};

pub(super) fn policy(verdict: Value) -> Route {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let by = |name: &str, description: &str| {
        json!({
            "type": "object",
            "required": [name, "text"],
            "additionalProperties": false,
            "properties": { name: text(description), "text": text("What is to be done.") },
        })
    };
    let body = json!({
        "oneOf": [by("rules", "Rules, one per line."), by("policy_id", "A policy whose rules count.")],
    });
    let path = "/v1/policies/evaluate";
    Route::post(
        "Policies",
        path,
        "evaluatePolicy",
        "What a policy says to a text, and why",
        Some(body),
    )
    .needs(views::scope(Policies::NAME))
    .answers(JSON, verdict)
    .fails(&[404, 422])
}

pub(super) fn past_tasks(verdicts: Value) -> Route {
    let by = |name: &str, description: &str| {
        json!({
            "type": "object",
            "required": [name],
            "additionalProperties": false,
            "properties": {
                name: { "type": "string", "description": description },
                "account_id": { "type": "string", "description": "Whose tasks; the operator names it." },
                "agent_id": { "type": "string", "description": "Only tasks of this agent." },
                "limit": { "type": "integer", "minimum": 1, "maximum": 500, "default": 100 },
            },
        })
    };
    let body = json!({
        "oneOf": [by("rules", "Rules, one per line."), by("policy_id", "A policy whose rules count.")],
    });
    Route::post(
        "Policies",
        "/v1/policies/evaluate/tasks",
        "evaluatePolicyOnTasks",
        "What a policy says to past tasks, and what happened to them",
        Some(body),
    )
    .says("The newest tasks first. Nothing is changed, and tasks under way are not judged anew.")
    .needs(views::scope(Policies::NAME))
    .answers(JSON, verdicts)
    .fails(&[404, 422])
}

pub(super) fn operator() -> [Route; 4] {
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

pub(super) fn operations() -> [Route; 5] {
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
