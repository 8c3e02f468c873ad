//! The API's documentation for people: one page without scripts or anything from elsewhere, of the same routes
//! as the `OpenAPI` document.

mod example;
mod style;

use bytes::Bytes;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::openapi::{Document, Place, Route, Schemas, Who};
use crate::problem::{CODES, Code};

/// The page.
pub(crate) struct Page {
    pub(crate) html: Bytes,
}

impl Page {
    /// The page of this program.
    pub(crate) fn of(document: &Document) -> Self {
        Self {
            html: page(document).into_string().into(),
        }
    }
}

/// Groups in the order they are shown.
const GROUPS: &[&str] = &[
    "Commands",
    "Views",
    "Streams",
    "Events",
    "Log",
    "Policies",
    "Machines",
    "Webhooks",
    "Operator",
    "Operations",
];

fn page(document: &Document) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Reef API" }
                style { (PreEscaped(style::CSS)) }
            }
            body {
                nav { (navigation(document)) }
                main {
                    (introduction())
                    @for group in GROUPS { (section(document, group)) }
                    (problems())
                    (dialects())
                }
            }
        }
    }
}

fn in_group<'a>(document: &'a Document, group: &'a str) -> impl Iterator<Item = &'a Route> {
    document.routes.iter().filter(move |route| route.group == group)
}

fn navigation(document: &Document) -> Markup {
    html! {
        a.brand href="#top" { "Reef" span { "API " (env!("CARGO_PKG_VERSION")) } }
        a href="#begin" { "Begin" }
        a href="#conventions" { "Conventions" }
        @for group in GROUPS {
            details open[*group == "Commands"] {
                summary { a href={ "#" (group) } { (group) } }
                @for route in in_group(document, group) {
                    a.route href={ "#" (route.id) } title=(route.summary) { (short(route)) }
                }
            }
        }
        a href="#problems" { "Problems" }
        a href="#dialects" { "Other APIs" }
        a href="/openapi.json" { "openapi.json" }
    }
}

/// What a route is called in the list: a command by its name, others by their path.
fn short(route: &Route) -> &str {
    route
        .path
        .strip_prefix("/v1/commands/")
        .filter(|_| route.method == "post")
        .unwrap_or(&route.path)
}

fn introduction() -> Markup {
    html! {
        header id="top" {
            h1 { "Reef" }
            p.lead { "Commands in, views to read, events out." }
            p {
                "A command's answer comes once what happened is durable and every view shows it. "
                "One coordinate everywhere: the " b { "position" } " of an event in the log is the id in the event "
                "stream, the cursor of pages, and what an answer says it reflects."
            }
        }
        section id="begin" {
            h2 { "Begin" }
            p { "The operator makes an account and a key for it; the key is shown once." }
            pre { (BEGIN) }
        }
        section id="conventions" {
            h2 { "Conventions" }
            dl {
                @for (term, meaning) in CONVENTIONS {
                    dt { (term) }
                    dd { (meaning) }
                }
            }
        }
    }
}

const BEGIN: &str = r#"export REEF=http://127.0.0.1:8080
curl -s $REEF/v1/commands/RegisterAccount -H "Authorization: Bearer $OPERATOR_KEY" \
  --json '{"name": "Aquarium", "owner_email": "ada@example.com"}'
curl -s $REEF/v1/commands/IssueApiKey -H "Authorization: Bearer $OPERATOR_KEY" \
  --json '{"account_id": "acc_...", "name": "laptop"}'

# with the account's key, follow what happens
curl -sN $REEF/v1/events/stream -H "Authorization: Bearer $KEY""#;

const CONVENTIONS: &[(&str, &str)] = &[
    (
        "Authorization: Bearer <key>",
        "The operator's key, or an API key of an account. A revoked key fails at once. An account's key sees what is \
         the account's and catalogue data; everything else looks as if it were not there.",
    ),
    (
        "Idempotency-Key",
        "On commands: the same key and body get the first answer again, with Idempotent-Replayed: true. Another body \
         with the same key is refused. Answers are kept for at least a day.",
    ),
    (
        "ETag, If-Match, If-None-Match",
        "The ETag of an aggregate is its sequence in quotes. A command with If-Match is carried out only if the \
         aggregate is still there; a read with If-None-Match is answered with 304 if nothing changed.",
    ),
    ("Reef-Position", "Position of the log that the answer reflects."),
    (
        "limit, after, next",
        "Lists are newest first. next is passed as after for the page that follows; null: there is none.",
    ),
    (
        "at",
        "A position, or a time as in RFC 3339: the answer is what it was then.",
    ),
    (
        "X-Request-Id",
        "Accepted from the client or made; it is in the answer, in problems, in the server's log, and in the \
         correlationid of events.",
    ),
    (
        "RateLimit, RateLimit-Policy, Retry-After",
        "What is left of the credential's allowance, and when to come back.",
    ),
];

fn section(document: &Document, group: &str) -> Markup {
    html! {
        section id=(group) {
            h2 { (group) }
            @for route in in_group(document, group) { (operation(route, &document.schemas)) }
        }
    }
}

fn operation(route: &Route, schemas: &Schemas) -> Markup {
    html! {
        article id=(route.id) {
            h3 {
                span class={ "method " (route.method) } { (route.method) }
                code { (route.path) }
                @if route.who == Who::Operator { span.badge { "operator" } }
                @if let Some(scope) = &route.scope { @if route.who != Who::Operator { span.scope { (scope) } } }
            }
            p { (route.summary) "." }
            @if !route.description.is_empty() && !route.description.starts_with(&route.summary) {
                p.more { (route.description) }
            } @else if route.description.len() > route.summary.len() + 1 {
                p.more { (route.description[route.summary.len()..].trim_start_matches(['.', ' '])) }
            }
            (parameters(route))
            @if let Some(body) = &route.body {
                @for choice in schemas.objects(body) { (fields("Body", choice, schemas)) }
            }
            @for (kind, schema) in &route.answers { (answer(kind, schema, schemas)) }
            pre { (example::curl(route, schemas)) }
        }
    }
}

fn parameters(route: &Route) -> Markup {
    let shown = |place: Place| match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    html! {
        @if !route.parameters.is_empty() {
            details {
                summary { "Parameters" }
                table {
                    @for parameter in &route.parameters {
                        tr {
                            td { code { (parameter.name) } @if parameter.required { span.required { "required" } } }
                            td.kind { (shown(parameter.place)) }
                            td { (parameter.description) }
                        }
                    }
                }
            }
        }
    }
}

fn answer(kind: &str, schema: &Value, schemas: &Schemas) -> Markup {
    let resolved = schemas.resolve(schema);
    html! {
        @if resolved["properties"].is_object() {
            (fields(&format!("Answer, {kind}"), resolved, schemas))
        } @else {
            p.kind { "Answer, " (kind) @if let Some(text) = resolved["description"].as_str() { ": " (text) } }
        }
    }
}

fn fields(title: &str, schema: &Value, schemas: &Schemas) -> Markup {
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|known| known == name))
    };
    html! {
        @if let Some(properties) = schema["properties"].as_object() {
            details open[title == "Body"] {
                summary { (title) }
                table {
                    @for (name, property) in properties {
                        tr {
                            td { code { (name) } @if required(name) { span.required { "required" } } }
                            td.kind { (example::kind(property, schemas)) }
                            td { (property["description"].as_str().unwrap_or_default()) }
                        }
                    }
                }
            }
        }
    }
}

/// APIs besides the native one, and where their documents are.
const DIALECTS: &[(&str, &str, &str)] = &[
    (
        "Thermidora",
        "/thermidora/v1/openapi.json",
        "For accounts of the dialect thermidora: instances with agents, skills, secrets and webhooks, for dollars.",
    ),
    (
        "Tropic",
        "/tropic/api/openapi.json",
        "For accounts of the dialect tropic: agents on one VM per user, under policies, for credits.",
    ),
];

fn dialects() -> Markup {
    html! {
        section id="dialects" {
            h2 { "Other APIs" }
            p {
                "The same server speaks to existing clients in their own words. An account belongs to one of these "
                "APIs (" code { "dialect" } "), and its keys work there and here."
            }
            table {
                @for (name, document, about) in DIALECTS {
                    tr {
                        td { b { (name) } }
                        td { a href=(document) { (document) } }
                        td { (about) }
                    }
                }
            }
        }
    }
}

fn problems() -> Markup {
    html! {
        section id="problems" {
            h2 { "Problems" }
            p {
                "Whatever fails is answered with " code { "application/problem+json" } " (RFC 9457): "
                code { "type" } ", " code { "title" } ", " code { "status" } ", " code { "detail" } ", a stable "
                code { "code" } ", the " code { "request_id" } ", and " code { "field" } " where one part of the "
                "request is wrong. What an aggregate refuses has the aggregate's own code, such as "
                code { "agent_stopped" } ": 404 there is none, 422 it cannot be accepted, 409 the state does not "
                "allow it or a limit is reached, 402 the balance does not cover it, 403 it is not allowed, 503 not yet."
            }
            table {
                @for Code { name, status, title, meaning, .. } in CODES {
                    tr id=(name) {
                        td { code { (name) } }
                        td.kind { (status.as_u16()) }
                        td { b { (title) } br; (meaning) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
