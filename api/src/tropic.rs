//! Tropic: agents on one VM per user, work under policies, credits (`contract/tropic.yaml`).
//!
//! Its words: a VM is the user's shared runtime, an instance a machine, a bundle config what an agent starts
//! with. Another user's resource is 403, one there is not 404, and no status is used but the six of
//! [`error::Status`].

mod agents;
mod api_keys;
mod credentials;
mod credits;
mod error;
mod from_wire;
mod instances;
mod policies;
mod settings;
mod tasks;
mod templates;
mod to_wire;
mod vm;
mod wire;

use reef_domain::Dialect;

use crate::{
    dialect::{Api, Call, IDEMPOTENCY_KEY},
    face::{Face, Pace},
    openapi::{About, Family, Place, Route, Who},
    problem::Problem,
};

/// Where its paths begin.
pub(crate) const BASE: &str = "/tropic/api";

const FACE: Face = Face {
    dialect: Some(Dialect::Tropic),
    key_header: None,
    pace: Pace::PerUser(60),
    render: error::render,
    tell: None,
};

/// Requests per minute to the operations that have a limit of their own.
const TEN: u32 = 10;

const FAMILY: Family = Family {
    failure: ("application/json", error::SCHEMA),
    statuses,
    tells_position: false,
};

const ABOUT: About = About {
    title: "Tropic",
    summary: "Agents on your own VM, under your own policies.",
    description: "The API of Tropic, served by Reef. 60 requests per minute and user; deploying, submitting, \
                  approving and rejecting are limited to 10 per minute each besides. Lists are bare arrays, \
                  newest first.",
    server: BASE,
    bearer: "An API key, `tropic_live_sk_...`, or a session token.",
    key_header: None,
};

/// The whole API.
pub(crate) fn api() -> Api {
    let mut api = Api::new(&FACE, &FAMILY, ABOUT);
    let error = api.schema::<error::Envelope>();
    debug_assert_eq!(error["$ref"], format!("#/components/schemas/{}", error::SCHEMA));
    policies::routes(api.group("Policies"));
    agents::routes(api.group("Agents"));
    templates::routes(api.group("Templates"));
    tasks::routes(api.group("Agent Tasks"));
    api_keys::routes(api.group("API Keys"));
    credits::routes(api.group("Credits"));
    vm::routes(api.group("VM"));
    settings::routes(api.group("Settings"));
    instances::routes(api.group("Instances"));
    credentials::routes(api.group("Credentials"));
    api
}

/// What a route may answer with when it fails.
fn statuses(route: &Route) -> Vec<u16> {
    let named = |name: &str| route.parameters.iter().any(|parameter| parameter.name == name);
    let resource = route
        .parameters
        .iter()
        .any(|parameter| parameter.place == Place::Path && parameter.name != "userId");
    let mut all = vec![429, 500];
    if route.who == Who::Credential {
        // A suspended account is told so.
        all.extend([401, 403]);
    }
    if resource {
        all.push(404);
    }
    if route.body.is_some() || route.has(Place::Path) || route.has(Place::Query) || named(IDEMPOTENCY_KEY) {
        all.push(400);
    }
    all
}

/// `:userId` repeats the caller.
fn is_me(call: &Call, user: &str) -> Result<(), Problem> {
    let me = call.user().as_str() == user;
    let refused = || Problem::of("forbidden", "The path names another user.");
    me.then_some(()).ok_or_else(refused)
}

#[cfg(test)]
mod tests;
