//! Thermidora: instances that agents live in, messages to them, webhooks, for US dollars
//! (`contract/thermidora.yaml`).
//!
//! Its words: an instance is a runtime, an event is activity of an agent. Whatever is another account's is 404 as
//! if it were not there, and no status is used but those of [`error::Code`].

mod agents;
mod api_keys;
mod auth;
mod error;
mod events;
mod instances;
mod messages;
mod secrets;
mod skills;
mod to_wire;
mod webhooks;
mod wire;

use reef_domain::Dialect;

use crate::{
    dialect::{Api, IDEMPOTENCY_KEY},
    face::{Face, Pace},
    openapi::{About, Family, Place, Route, Who},
};

/// Where its paths begin.
pub(crate) const BASE: &str = "/thermidora/v1";

const FACE: Face = Face {
    dialect: Some(Dialect::Thermidora),
    key_header: Some("x-api-key"),
    pace: Pace::PerAccount(300),
    render: error::render,
    tell: None,
};

const FAMILY: Family = Family {
    failure: ("application/json", error::SCHEMA),
    statuses,
    tells_position: false,
};

const ABOUT: About = About {
    title: "Thermidora",
    summary: "Agents in instances of your own.",
    description: "The API of Thermidora, served by Reef. 300 requests per minute and account. Every failure is \
                  `{\"error\": {\"code\", \"message\", \"status\"}}`, where `status` repeats the HTTP status.",
    server: BASE,
    bearer: "A token of `/auth/register` or `/auth/verify`, or an API key.",
    key_header: Some(("X-API-Key", "An API key, `tc_live_...`.")),
};

/// The whole API.
pub(crate) fn api() -> Api {
    let mut api = Api::new(&FACE, &FAMILY, ABOUT);
    let error = api.schema::<error::Envelope>();
    debug_assert_eq!(error["$ref"], format!("#/components/schemas/{}", error::SCHEMA));
    auth::routes(api.group("Auth"));
    api_keys::routes(api.group("Auth"));
    instances::routes(api.group("Instances"));
    agents::routes(api.group("Agents"));
    messages::routes(api.group("Messages"));
    webhooks::routes(api.group("Webhooks"));
    events::routes(api.group("Events"));
    skills::routes(api.group("Skills"));
    secrets::routes(api.group("Secrets"));
    api
}

/// What a route may answer with when it fails.
fn statuses(route: &Route) -> Vec<u16> {
    let named = |name: &str| route.parameters.iter().any(|parameter| parameter.name == name);
    let mut all = vec![400, 429, 500];
    if route.who == Who::Credential {
        all.push(401);
    }
    if route.has(Place::Path) {
        all.push(404);
    }
    if named(IDEMPOTENCY_KEY) {
        all.push(409);
    }
    all
}

#[cfg(test)]
mod tests;
