//! How tests call an endpoint of a contract, and whether what comes back is what it promises.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::Value;

use super::Endpoint;
use crate::rig::Reply;

/// The path below the base path, with its parameters: `known` are always the same, `args` the others in order.
#[track_caller]
pub(crate) fn path(endpoint: Endpoint<'_>, known: &[(&str, &str)], args: &[&str]) -> String {
    let mut args = args.iter();
    let mut value = |name: &str| match known.iter().find(|(one, _)| *one == name) {
        Some((_, value)) => (*value).to_owned(),
        None => (*args.next().unwrap_or_else(|| panic!("{name} is not given"))).to_owned(),
    };
    let steps = endpoint
        .path()
        .split('/')
        .map(|step| match step.strip_prefix(':') {
            Some(name) => value(name),
            None => step.to_owned(),
        });
    steps.collect::<Vec<_>>().join("/")
}

/// A request with one header more, if its value is not empty.
pub(crate) fn request(
    (header, value): (&str, &str),
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path);
    if !value.is_empty() {
        request = request.header(header, value);
    }
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    }
    .unwrap()
}

/// Whether the reply is the endpoint's documented success or one of its documented failures, in the dialect's
/// envelope.
#[track_caller]
pub(crate) fn check(endpoint: Endpoint<'_>, reply: &Reply, is_envelope: fn(&Reply)) {
    if reply.status < 400 {
        assert_eq!(
            reply.status,
            endpoint.status(),
            "{}: {}",
            endpoint.id(),
            reply.text
        );
        if reply.header("content-type") == "application/json" {
            endpoint.check(&reply.body);
        }
    } else {
        let declared = endpoint.failures().contains(&u64::from(reply.status));
        assert!(
            declared,
            "{} has no status {}: {}",
            endpoint.id(),
            reply.status,
            reply.text
        );
        is_envelope(reply);
    }
}

/// A field of every item of a list.
pub(crate) fn each<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[field].as_str().unwrap()).collect()
}
