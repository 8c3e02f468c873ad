//! Answers of handlers: a wire type as JSON, with its status.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use reef_commands::Answer as Done;
use serde::{Serialize, Serializer as _};

use crate::{Problem, answer::Answered};

/// Not to be kept by anybody on the way.
pub(crate) const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A body that is written already: of a list whose rows borrow from what was read.
pub(crate) struct Written(Vec<u8>);

/// What a row may take; only a guess, so that the text need not be moved while it grows.
const ROW: usize = 320;

impl Written {
    /// A list.
    pub(crate) fn list<T: Serialize>(rows: impl ExactSizeIterator<Item = T>) -> Result<Self, Problem> {
        let mut text = Vec::with_capacity(2 + rows.len() * ROW);
        serde_json::Serializer::new(&mut text)
            .collect_seq(rows)
            .map_err(|error| Problem::internal(&error))?;
        Ok(Self(text))
    }
}

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

impl<T> Answer<T> {
    fn respond(self, text: impl FnOnce(T) -> Result<Answered, Problem>) -> Response {
        let answered = match text(self.body) {
            Ok(answered) if self.replayed => answered.with(REPLAYED, HeaderValue::from_static("true")),
            Ok(answered) => answered,
            Err(problem) => return Problem::into_response(problem),
        };
        let mut response = answered.into_response();
        *response.status_mut() = self.status;
        response
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        self.respond(|body| Answered::of(&body))
    }
}

impl IntoResponse for Answer<Written> {
    fn into_response(self) -> Response {
        self.respond(|body| Ok(Answered::json(body.0)))
    }
}
