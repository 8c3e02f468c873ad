//! The native API as an `OpenAPI` 3.1 document: from the catalogue, the views and the list of fixed routes.

mod routes;
mod schemas;

use std::collections::BTreeMap;

use reef_projections::AnyView;

use crate::openapi::About;
pub(crate) use crate::openapi::{Document, Place, Route, Schemas, Who};

/// The views by name.
pub(crate) type Views = BTreeMap<&'static str, Box<dyn AnyView>>;

const ABOUT: About = About {
    title: "Reef",
    summary: "Commands in, views to read, events out.",
    description: "The native API of Reef. A command's answer comes once what happened is durable and every view \
                  shows it. One coordinate everywhere: the position of an event in the log.",
    server: "/",
    bearer: "The operator's key, or an API key of an account.",
    key_header: None,
};

/// The document of this program.
pub(crate) fn document(views: &Views) -> Document {
    let mut schemas = Schemas::default();
    schemas.put("Problem", schemas::problem());
    schemas.put("CloudEvent", schemas::cloud_event());
    let routes = routes::all(views, &mut schemas);
    Document::new(&ABOUT, routes, schemas)
}

#[cfg(test)]
mod tests;
