//! `OpenAPI` 3.1 documents: routes with all that is said of them, and the schemas they refer to.
//!
//! The native API and every dialect describe their routes with the same words and differ in a [`Family`].

mod route;
mod schemas;

use std::collections::BTreeSet;

use axum::http::HeaderValue;
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

pub(crate) use route::{Family, Place, Route, Who};
pub(crate) use schemas::{Schemas, reference};

/// What a document says of the API as a whole.
pub(crate) struct About {
    pub(crate) title: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    /// Where its paths begin.
    pub(crate) server: &'static str,
    /// What the bearer token is.
    pub(crate) bearer: &'static str,
    /// Another header that takes a credential, and what it is.
    pub(crate) key_header: Option<(&'static str, &'static str)>,
}

/// The document, and what it was made of.
pub(crate) struct Document {
    pub(crate) routes: Vec<Route>,
    pub(crate) schemas: Schemas,
    pub(crate) text: Bytes,
    /// Changes with the program only.
    pub(crate) etag: HeaderValue,
}

impl Document {
    /// The document of these routes.
    pub(crate) fn new(about: &About, routes: Vec<Route>, schemas: Schemas) -> Self {
        let text = text(about, &routes, &schemas).to_string();
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

fn text(about: &About, routes: &[Route], schemas: &Schemas) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        path[route.method] = route.operation();
    }
    let mut credentials =
        json!({ "bearer": { "type": "http", "scheme": "bearer", "description": about.bearer } });
    let mut security = vec![json!({ "bearer": [] })];
    if let Some((name, description)) = about.key_header {
        credentials["apiKey"] =
            json!({ "type": "apiKey", "in": "header", "name": name, "description": description });
        security.push(json!({ "apiKey": [] }));
    }
    let groups: BTreeSet<&str> = routes.iter().map(|route| route.group).collect();
    let tags: Vec<Value> = groups.into_iter().map(|name| json!({ "name": name })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "version": env!("CARGO_PKG_VERSION"),
            "summary": about.summary,
            "description": about.description,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": about.server }],
        "tags": tags,
        "security": security,
        "paths": paths,
        "components": {
            "securitySchemes": credentials,
            "schemas": schemas.all(),
        },
    })
}
