//! Answers of handlers: a wire type as JSON, with its status.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use reef_commands::Answer as Done;
use serde::Serialize;

use crate::{Problem, answer::Answered};

/// Not to be kept by anybody on the way.
pub(crate) const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// An answer with a body.
pub(crate) struct Answer<T> {
    body: T,
    status: StatusCode,
    replayed: bool,
}

impl<T> Answer<T> {
    /// 200.
    pub(crate) fn ok(body: T) -> Self {
        Self {
            body,
            status: StatusCode::OK,
            replayed: false,
        }
    }

    /// 201.
    pub(crate) fn created(body: T) -> Self {
        Self {
            status: StatusCode::CREATED,
            ..Self::ok(body)
        }
    }

    /// Says whether the command was carried out before, under the same idempotency key.
    pub(crate) fn of(mut self, done: &Done) -> Self {
        self.replayed = done.replayed;
        self
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let answered = match Answered::of(&self.body) {
            Ok(answered) if self.replayed => answered.with(REPLAYED, HeaderValue::from_static("true")),
            Ok(answered) => answered,
            Err(problem) => return Problem::into_response(problem),
        };
        let mut response = answered.into_response();
        *response.status_mut() = self.status;
        response
    }
}
