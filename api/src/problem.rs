//! Problems: how every failure leaves a handler.
//!
//! A handler returns a [`Problem`]; the edge writes its body, because only the edge knows the request's id and
//! which API it came over: the native one shows problem documents (RFC 9457), each dialect its own envelope.

mod cause;
mod codes;
mod command;

use std::borrow::Cow;

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use reef_domain::RefusalKind;
use serde::Serialize;

pub(crate) use cause::Cause;
pub(crate) use codes::{CODES, Code};
pub(crate) use command::{foreign, malformed, not_found};

/// Content type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed, for a person and for a program.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    cause: Cause,
    detail: String,
    field: Option<String>,
    /// What there is not, or not for the caller: its kind and id.
    subject: Option<Box<(String, String)>>,
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
        let code = code.into();
        let cause = codes::find(&code).map_or_else(|| Cause::of(status), |known| known.cause);
        Self {
            status,
            code,
            cause,
            detail: detail.into(),
            field: None,
            subject: None,
            headers: Vec::new(),
        }
    }

    /// What an aggregate, or a rule over several, said no to.
    pub(crate) fn refused(code: &'static str, kind: RefusalKind, message: impl Into<String>) -> Self {
        let mut problem = Self::new(command::status_of(kind), code, message);
        problem.cause = Cause::Refused(kind);
        problem
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

    /// What sort of failure it is.
    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    /// What went wrong, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The part of the request that is wrong, where one is.
    pub(crate) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Kind and id of what there is not, or not for the caller.
    pub(crate) fn subject(&self) -> Option<(&str, &str)> {
        self.subject.as_ref().map(|subject| (&*subject.0, &*subject.1))
    }

    /// Adds the headers that the failure brings along.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
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

    /// The whole answer, as the native API gives it.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let body = self.body(request_id);
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        self.tell(headers);
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
