//! The one envelope of failures, and the only six statuses there are.

use axum::{http::StatusCode, response::Response};
use reef_domain::RefusalKind;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Problem, dialect::failure, edge::RequestId, problem::Cause};

/// Name of the envelope's schema.
pub(super) const SCHEMA: &str = "Error";

/// Why a request failed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Error")]
pub(super) struct Envelope {
    /// The status of the answer.
    status_code: u16,
    /// What went wrong, for people.
    message: String,
    /// Label of the status.
    error: Label,
}

/// Labels, as the document has them: two are not the standard phrases.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
enum Label {
    #[serde(rename = "Bad Request")]
    BadRequest,
    #[serde(rename = "Unauthorized")]
    Unauthorized,
    #[serde(rename = "Forbidden")]
    Forbidden,
    #[serde(rename = "Not Found")]
    NotFound,
    #[serde(rename = "Rate Limited")]
    RateLimited,
    #[serde(rename = "Server Error")]
    ServerError,
}

impl Label {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn of(cause: Cause) -> Self {
        match cause {
            Cause::Unauthorized | Cause::Closed => Self::Unauthorized,
            Cause::Forbidden | Cause::Suspended | Cause::Foreign | Cause::Refused(RefusalKind::Forbidden) => {
                Self::Forbidden
            }
            Cause::Unknown | Cause::NoRoute | Cause::NoMethod | Cause::Refused(RefusalKind::NotFound) => {
                Self::NotFound
            }
            Cause::TooOften => Self::RateLimited,
            Cause::Malformed
            | Cause::NotAcceptable
            | Cause::TooLarge
            | Cause::NotJson
            | Cause::BodyTimeout
            | Cause::Moved
            | Cause::KeyReused
            | Cause::KeyInFlight
            | Cause::Refused(
                RefusalKind::Invalid
                | RefusalKind::Conflict
                | RefusalKind::LimitReached
                | RefusalKind::PaymentRequired,
            ) => Self::BadRequest,
            Cause::Unavailable | Cause::Broken | Cause::Upstream | Cause::Refused(RefusalKind::NotReady) => {
                Self::ServerError
            }
        }
    }
}

/// The problem as Tropic's clients know it.
pub(super) fn render(problem: &Problem, _: &RequestId) -> Response {
    let label = Label::of(problem.cause());
    let status = label.status();
    let envelope = Envelope {
        status_code: status.as_u16(),
        message: message(problem),
        error: label,
    };
    failure(problem, status, &envelope)
}

fn message(problem: &Problem) -> String {
    match (problem.cause(), problem.subject(), problem.field()) {
        (Cause::Unknown, Some((kind, id)), _) => format!("{} {id} not found", word(kind)),
        (Cause::Foreign, Some((kind, id)), _) => format!("{} {id} belongs to another user", word(kind)),
        (_, _, Some(field)) if field != "." => format!("{field}: {}", problem.detail()),
        _ => problem.detail().to_owned(),
    }
}

/// What Tropic calls things of the core.
fn word(kind: &str) -> &str {
    match kind {
        "agent" => "Agent",
        "policy" => "Policy",
        "template" => "Template",
        "task" => "Task",
        "api_key" => "ApiKey",
        "machine" => "Instance",
        "runtime" => "VM",
        "user" | "account" => "User",
        kind => kind,
    }
}

#[cfg(test)]
mod tests;
