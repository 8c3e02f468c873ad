//! Answers: JSON text as it is, with the headers that reads and commands carry.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;

use crate::Problem;

/// Position that the answer reflects.
pub(crate) const REEF_POSITION: HeaderName = HeaderName::from_static("reef-position");
/// JSON.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A successful answer with a body.
pub(crate) struct Answered(Response);

impl Answered {
    /// A body of that content type.
    pub(crate) fn new(kind: HeaderValue, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(Body::from(body.into()));
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Self(response)
    }

    /// JSON text.
    pub(crate) fn json(text: impl Into<Bytes>) -> Self {
        Self::new(JSON, text)
    }

    /// A value as JSON.
    pub(crate) fn of<T: Serialize>(value: &T) -> Result<Self, Problem> {
        serde_json::to_vec(value)
            .map(Self::json)
            .map_err(|error| Problem::internal(&error))
    }

    /// Nothing changed since the client read it.
    pub(crate) fn not_modified() -> Self {
        Self(StatusCode::NOT_MODIFIED.into_response())
    }

    /// Says which position it reflects.
    pub(crate) fn at(self, position: u64) -> Self {
        self.with(REEF_POSITION, HeaderValue::from(position))
    }

    /// Says which version of the thing it is.
    pub(crate) fn tagged(self, etag: &ETag) -> Self {
        self.with(header::ETAG, etag.header())
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }
}

impl From<Response> for Answered {
    fn from(response: Response) -> Self {
        Self(response)
    }
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        self.0
    }
}

/// An entity tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ETag {
    /// Sequence of the aggregate: what `If-Match` takes.
    Sequence(u64),
    /// Position of the last event of a document that no single stream tells.
    Position(u64),
}

impl ETag {
    fn text(self) -> String {
        match self {
            Self::Sequence(sequence) => format!("\"{sequence}\""),
            Self::Position(position) => format!("\"p{position}\""),
        }
    }

    fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.text()).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// Whether the client has this version already (`If-None-Match`, compared weakly).
    pub(crate) fn is_known(self, headers: &HeaderMap) -> bool {
        let mut texts = headers
            .get_all(header::IF_NONE_MATCH)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        texts.any(|text| {
            text.split(',')
                .map(str::trim)
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.text())
        })
    }
}

/// The sequence that `If-Match` names.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).into_iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let sequence = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match (sequence.and_then(|digits| digits.parse().ok()), values.next()) {
        (Some(sequence), None) => Ok(Some(sequence)),
        _ => Err(Problem::parameter(
            "If-Match",
            "If-Match is one sequence in quotes, such as \"3\": the ETag of the aggregate or of an earlier answer.",
        )),
    }
}

/// The idempotency key of the request.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").into_iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let is_good = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good && values.next().is_none() {
        return Ok(Some(text.to_owned()));
    }
    let detail = "Idempotency-Key is given once and has 1 to 255 visible ASCII characters.";
    Err(Problem::parameter("Idempotency-Key", detail))
}

#[cfg(test)]
mod tests;
