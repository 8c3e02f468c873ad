//! Problem documents (RFC 9457): how every failure leaves the server.
//!
//! A handler returns a [`Problem`]; the edge writes its body, because only the edge knows the request's id.

mod codes;
mod command;

use std::borrow::Cow;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

pub(crate) use codes::{CODES, Code};
pub(crate) use command::{malformed, not_found};

/// Content type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed, for a person and for a program.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    /// A problem of that code, `snake_case`; `detail` is for people and must hold no secret.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            field: None,
            headers: Vec::new(),
        }
    }

    /// One of the [`CODES`] with their own status.
    pub(crate) fn of(code: &'static str, detail: impl Into<String>) -> Self {
        let status = codes::find(code).map_or(StatusCode::INTERNAL_SERVER_ERROR, |known| known.status);
        Self::new(status, code, detail)
    }

    /// A parameter or header that cannot be accepted.
    pub(crate) fn parameter(field: &str, detail: impl Into<String>) -> Self {
        Self::of("invalid_parameter", detail).at(field)
    }

    /// Something of us is broken; the reason goes to the log, not to the client.
    pub(crate) fn internal(reason: &dyn std::fmt::Display) -> Self {
        tracing::error!(%reason, "internal error");
        Self::of(
            "internal_error",
            "The server failed. Its log tells more under this request id.",
        )
    }

    /// Names the part of the request that is wrong.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says when to try again.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Short text for all problems of the code.
    fn title(&self) -> &'static str {
        codes::find(&self.code)
            .map(|known| known.title)
            .or(self.status.canonical_reason())
            .unwrap_or("Problem")
    }

    /// The document as JSON.
    pub(crate) fn body(&self, request_id: &str) -> Vec<u8> {
        let body = Body {
            kind: format!("/docs#{}", self.code),
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: &self.code,
            request_id,
            field: self.field.as_deref(),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// The whole answer.
    pub(crate) fn render(self, request_id: &str) -> Response {
        let body = self.body(request_id);
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

impl IntoResponse for Problem {
    /// A bare answer that carries the problem to the edge, which renders it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests;
