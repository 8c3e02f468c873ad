//! The codes of problems that the API itself finds. Refusals bring the codes of the aggregates.

use axum::http::StatusCode;
use reef_domain::RefusalKind;

use super::Cause;

/// One code with what all its problems share.
pub(crate) struct Code {
    pub(crate) name: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) cause: Cause,
    pub(crate) title: &'static str,
    /// For the documentation: when it arises, and what to do.
    pub(crate) meaning: &'static str,
}

const fn code(
    name: &'static str,
    status: StatusCode,
    cause: Cause,
    title: &'static str,
    meaning: &'static str,
) -> Code {
    Code {
        name,
        status,
        cause,
        title,
        meaning,
    }
}

/// The code of that name.
pub(crate) fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.name == name)
}

/// Every code of the API itself.
pub(crate) const CODES: &[Code] = &[
    code(
        "invalid_command",
        StatusCode::BAD_REQUEST,
        Cause::Malformed,
        "The body is not this command",
        "The body is not JSON, or has an unknown, missing or mistyped field; `field` says where.",
    ),
    code(
        "invalid_parameter",
        StatusCode::BAD_REQUEST,
        Cause::Malformed,
        "A parameter cannot be accepted",
        "A query parameter or header is unknown, given twice or malformed; `field` names it.",
    ),
    code(
        "bad_request",
        StatusCode::BAD_REQUEST,
        Cause::Malformed,
        "The request cannot be read",
        "The request is not what HTTP or this route expects.",
    ),
    code(
        "unauthorized",
        StatusCode::UNAUTHORIZED,
        Cause::Unauthorized,
        "A credential is needed",
        "Send `Authorization: Bearer <key>`. Revoked and unknown keys look the same.",
    ),
    code(
        "payment_required",
        StatusCode::PAYMENT_REQUIRED,
        Cause::Refused(RefusalKind::PaymentRequired),
        "The balance does not cover it",
        "Grant credits to the account.",
    ),
    code(
        "forbidden",
        StatusCode::FORBIDDEN,
        Cause::Forbidden,
        "The credential may not do this",
        "Only the operator, or only a key with the scope that the detail names, may do it.",
    ),
    code(
        "account_suspended",
        StatusCode::FORBIDDEN,
        Cause::Suspended,
        "The account is suspended",
        "Its credentials work again once the operator has reinstated it.",
    ),
    code(
        "account_closed",
        StatusCode::FORBIDDEN,
        Cause::Closed,
        "The account is closed",
        "Its credentials do not work any more.",
    ),
    code(
        "not_found",
        StatusCode::NOT_FOUND,
        Cause::Unknown,
        "There is no such thing",
        "It does not exist, no longer exists, or belongs to another account.",
    ),
    code(
        "unknown_route",
        StatusCode::NOT_FOUND,
        Cause::NoRoute,
        "There is no such route",
        "`/openapi.json` lists the routes.",
    ),
    code(
        "unknown_command",
        StatusCode::NOT_FOUND,
        Cause::NoRoute,
        "There is no such command",
        "`GET /v1/commands` lists the commands.",
    ),
    code(
        "unknown_view",
        StatusCode::NOT_FOUND,
        Cause::NoRoute,
        "There is no such view",
        "`GET /v1/views` lists the views.",
    ),
    code(
        "method_not_allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        Cause::NoMethod,
        "The route has no such method",
        "`Allow` lists the methods it has.",
    ),
    code(
        "not_acceptable",
        StatusCode::NOT_ACCEPTABLE,
        Cause::NotAcceptable,
        "That form is not offered",
        "The route cannot answer in a form that `Accept` asks for.",
    ),
    code(
        "body_timeout",
        StatusCode::REQUEST_TIMEOUT,
        Cause::BodyTimeout,
        "The body did not come",
        "The body was announced and did not arrive in time. Nothing was done.",
    ),
    code(
        "idempotency_key_in_flight",
        StatusCode::CONFLICT,
        Cause::KeyInFlight,
        "The same request is still running",
        "Ask again after `Retry-After`: the answer will be that of the first request.",
    ),
    code(
        "precondition_failed",
        StatusCode::PRECONDITION_FAILED,
        Cause::Moved,
        "The aggregate has moved",
        "It is not at the sequence that `If-Match` names. Read it again and decide anew.",
    ),
    code(
        "body_too_large",
        StatusCode::PAYLOAD_TOO_LARGE,
        Cause::TooLarge,
        "The body is too large",
        "The detail names the limit.",
    ),
    code(
        "unsupported_media_type",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Cause::NotJson,
        "The body is not JSON",
        "Send `Content-Type: application/json`.",
    ),
    code(
        "idempotency_key_reused",
        StatusCode::UNPROCESSABLE_ENTITY,
        Cause::KeyReused,
        "The idempotency key was used for another request",
        "A key belongs to one command with one body. Take a new key.",
    ),
    code(
        "no_history",
        StatusCode::UNPROCESSABLE_ENTITY,
        Cause::Refused(RefusalKind::Invalid),
        "The document has no past to read",
        "No single stream tells the document's history.",
    ),
    code(
        "rate_limited",
        StatusCode::TOO_MANY_REQUESTS,
        Cause::TooOften,
        "Too many requests",
        "Wait for the seconds that `Retry-After` names.",
    ),
    code(
        "internal_error",
        StatusCode::INTERNAL_SERVER_ERROR,
        Cause::Broken,
        "The server failed",
        "Its log tells more under the request id.",
    ),
    code(
        "corrupt",
        StatusCode::INTERNAL_SERVER_ERROR,
        Cause::Broken,
        "Stored data cannot be read",
        "Its log tells more under the request id. `reef verify` finds what was edited.",
    ),
    code(
        "contention",
        StatusCode::SERVICE_UNAVAILABLE,
        Cause::Unavailable,
        "Others kept changing the same thing",
        "Nothing was stored. Try again.",
    ),
    code(
        "unavailable",
        StatusCode::SERVICE_UNAVAILABLE,
        Cause::Unavailable,
        "The server cannot do it now",
        "The database does not answer. The detail says whether the outcome is unknown: then repeat the \
         request with its idempotency key.",
    ),
    code(
        "timeout",
        StatusCode::SERVICE_UNAVAILABLE,
        Cause::Unavailable,
        "It took too long",
        "The outcome of a command is unknown: repeat it with its idempotency key.",
    ),
    code(
        "too_many_streams",
        StatusCode::SERVICE_UNAVAILABLE,
        Cause::Unavailable,
        "Too many open event streams",
        "Try again later, or read `/v1/events` with `wait`.",
    ),
];
