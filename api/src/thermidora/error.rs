//! The one envelope of failures, and the only codes there are, each with its status.

use axum::{http::StatusCode, response::Response};
use reef_domain::RefusalKind;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Problem, dialect::failure, edge::RequestId, problem::Cause};

/// Name of the envelope's schema.
pub(super) const SCHEMA: &str = "Error";

/// A failure.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct Envelope {
    /// Why the request failed.
    error: Failure,
}

/// Why a request failed.
#[derive(Debug, Serialize, JsonSchema)]
struct Failure {
    /// What sort of failure it is.
    code: Code,
    /// What went wrong, for people.
    message: String,
    /// The status of the answer.
    status: u16,
}

/// Sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Code {
    InvalidRequest,
    Unauthorized,
    InsufficientBalance,
    NotFound,
    Conflict,
    RateLimited,
    InternalError,
    InstanceNotReady,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::InsufficientBalance => StatusCode::PAYMENT_REQUIRED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::InstanceNotReady => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// There is no 403: who may not do something has not the credential for it.
    fn of(cause: Cause) -> Self {
        match cause {
            Cause::Unauthorized
            | Cause::Closed
            | Cause::Suspended
            | Cause::Forbidden
            | Cause::Refused(RefusalKind::Forbidden) => Self::Unauthorized,
            Cause::Unknown
            | Cause::Foreign
            | Cause::NoRoute
            | Cause::NoMethod
            | Cause::Refused(RefusalKind::NotFound) => Self::NotFound,
            Cause::TooOften => Self::RateLimited,
            Cause::Malformed
            | Cause::NotAcceptable
            | Cause::TooLarge
            | Cause::NotJson
            | Cause::BodyTimeout
            | Cause::Refused(RefusalKind::Invalid) => Self::InvalidRequest,
            Cause::Moved
            | Cause::KeyReused
            | Cause::KeyInFlight
            | Cause::Refused(RefusalKind::Conflict | RefusalKind::LimitReached) => Self::Conflict,
            Cause::Refused(RefusalKind::PaymentRequired) => Self::InsufficientBalance,
            Cause::Refused(RefusalKind::NotReady) => Self::InstanceNotReady,
            Cause::Unavailable | Cause::Broken | Cause::Upstream => Self::InternalError,
        }
    }
}

fn envelope(problem: &Problem) -> Envelope {
    let code = Code::of(problem.cause());
    let error = Failure {
        code,
        message: message(problem),
        status: code.status().as_u16(),
    };
    Envelope { error }
}

/// The envelope as JSON text, for failures that are told within a stream.
pub(super) fn text(problem: &Problem) -> String {
    serde_json::to_string(&envelope(problem)).unwrap_or_default()
}

/// The problem as Thermidora's clients know it.
pub(super) fn render(problem: &Problem, _: &RequestId) -> Response {
    let status = Code::of(problem.cause()).status();
    failure(problem, status, &envelope(problem))
}

/// Of another account's things nothing more is said than that there are none.
fn message(problem: &Problem) -> String {
    match (problem.cause(), problem.subject(), problem.field()) {
        (Cause::Unknown | Cause::Foreign, Some((kind, _)), _) => format!("{} not found", word(kind)),
        (_, _, Some(field)) if field != "." => format!("{field}: {}", problem.detail()),
        _ => problem.detail().to_owned(),
    }
}

/// What Thermidora calls things of the core.
fn word(kind: &str) -> &str {
    match kind {
        "agent" => "Agent",
        "runtime" => "Instance",
        "webhook" => "Webhook",
        "message" => "Message",
        "skill" => "Skill",
        "secret" => "Secret",
        "api_key" => "API key",
        "user" | "account" => "Account",
        kind => kind,
    }
}

#[cfg(test)]
mod tests;
