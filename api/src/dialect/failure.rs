//! Failures in a dialect's envelope.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use crate::{Problem, answer::JSON};

/// The envelope with its status and the headers that the problem brings along.
pub(crate) fn failure(problem: &Problem, status: StatusCode, envelope: &impl Serialize) -> Response {
    let body = serde_json::to_vec(envelope).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    problem.tell(headers);
    if status == StatusCode::UNAUTHORIZED && !headers.contains_key(header::WWW_AUTHENTICATE) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
