//! Every route: one per command and view, and the fixed ones.

mod commands;
mod feed;
mod log;
mod node;
mod operations;
mod views;
mod webhooks;

use reef_commands::{Answer, catalogue, machine::ListedMachine, policy::PastVerdicts};
use reef_domain::policy::Verdict;
use serde_json::{Value, json};

use super::{Route, Schemas, Views};
use crate::native::webhooks::{Attempts, DeliveryStatus};

const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";
const TEXT: &str = "text/plain";
/// Group of routes that say the same of every command: too many to show to people.
const CATALOGUE: &str = "Catalogue";

/// Every route.
pub(super) fn all(all_views: &Views, schemas: &mut Schemas) -> Vec<Route> {
    let answer = schemas.add("Answer", schemars::schema_for!(Answer));
    let verdict = schemas.add("Verdict", schemars::schema_for!(Verdict));
    let listed = schemas.add("ListedMachine", schemars::schema_for!(ListedMachine));
    let mut routes: Vec<Route> = catalogue()
        .iter()
        .map(|spec| commands::command(spec, &answer, schemas))
        .collect();
    routes.extend(catalogue().iter().map(commands::description));
    routes.push(commands::all());
    for view in all_views.values() {
        routes.extend(views::view_reads(&**view, schemas));
    }
    routes.push(
        Route::get("Views", "/v1/views", "listViews", "Which views there are").answers(JSON, data_list()),
    );
    routes.extend(feed::streams());
    routes.extend(feed::feed());
    routes.extend(log::log());
    routes.push(operations::policy(verdict));
    let verdicts = schemas.add("PastVerdicts", schemars::schema_for!(PastVerdicts));
    routes.push(operations::past_tasks(verdicts));
    routes.extend(node::node(&answer, &listed));
    let attempts = schemas.add("WebhookAttempts", schemars::schema_for!(Attempts));
    let status = schemas.add("WebhookDeliveryStatus", schemars::schema_for!(DeliveryStatus));
    routes.extend(webhooks::webhooks(attempts, status));
    routes.extend(operations::operator());
    routes.extend(operations::operations());
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
