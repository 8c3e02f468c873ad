//! The native API as an `OpenAPI` 3.1 document: from the catalogue, the views and the list of fixed routes.

mod route;
mod routes;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::HeaderValue;
use bytes::Bytes;
use reef_projections::AnyView;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

pub(crate) use route::{Place, Route, Who};
pub(crate) use schemas::Schemas;

/// The views by name.
pub(crate) type Views = BTreeMap<&'static str, Box<dyn AnyView>>;

/// The document, and what it was made of.
pub(crate) struct Document {
    pub(crate) routes: Vec<Route>,
    pub(crate) schemas: Schemas,
    pub(crate) text: Bytes,
    /// Changes with the program only.
    pub(crate) etag: HeaderValue,
}

impl Document {
    /// The document of this program.
    pub(crate) fn of(views: &Views) -> Self {
        let mut schemas = Schemas::new();
        let routes = routes::all(views, &mut schemas);
        let text = document(&routes, &schemas).to_string();
        let hash = hex::encode(&digest(&SHA256, text.as_bytes()).as_ref()[..12]);
        let etag = HeaderValue::try_from(format!("\"{hash}\""))
            .unwrap_or_else(|_| HeaderValue::from_static("\"1\""));
        Self {
            routes,
            schemas,
            text: text.into(),
            etag,
        }
    }
}

fn document(routes: &[Route], schemas: &Schemas) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        path[route.method] = route.operation();
    }
    let groups: BTreeSet<&str> = routes.iter().map(|route| route.group).collect();
    let tags: Vec<Value> = groups.into_iter().map(|name| json!({ "name": name })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Reef",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Commands in, views to read, events out.",
            "description": "The native API of Reef. A command's answer comes once what happened is durable and \
                every view shows it. One coordinate everywhere: the position of an event in the log.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The operator's key, or an API key of an account.",
                },
            },
            "schemas": schemas.all(),
        },
    })
}

#[cfg(test)]
mod tests;
