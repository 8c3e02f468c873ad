//! The sorts of failure: what each API chooses its status and words by.

use axum::http::StatusCode;
use reef_domain::RefusalKind;

/// A sort of failure. Dialects map it exhaustively: a new one needs a decision in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No credential, or none that works here.
    Unauthorized,
    /// The credential may not do it.
    Forbidden,
    /// The account is suspended.
    Suspended,
    /// The account is closed.
    Closed,
    /// There is no such thing.
    Unknown,
    /// It is another account's.
    Foreign,
    /// An aggregate, or a rule over several, said no.
    Refused(RefusalKind),
    /// Body, query, path or a header cannot be read.
    Malformed,
    /// There is no such route.
    NoRoute,
    /// The route has no such method.
    NoMethod,
    /// No form that is asked for can be given.
    NotAcceptable,
    /// The body is too large.
    TooLarge,
    /// The body is of another content type.
    NotJson,
    /// The body did not arrive in time.
    BodyTimeout,
    /// Too many requests.
    TooOften,
    /// The aggregate is not at the sequence that was named.
    Moved,
    /// The idempotency key was used for another request.
    KeyReused,
    /// The first request with the idempotency key still runs.
    KeyInFlight,
    /// The server cannot do it now.
    Unavailable,
    /// The server is broken.
    Broken,
    /// A server behind ours failed.
    Upstream,
}

impl Cause {
    /// What a status says where nothing more is known.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::Unknown,
            StatusCode::CONFLICT => Self::Refused(RefusalKind::Conflict),
            StatusCode::UNPROCESSABLE_ENTITY => Self::Refused(RefusalKind::Invalid),
            StatusCode::PAYMENT_REQUIRED => Self::Refused(RefusalKind::PaymentRequired),
            StatusCode::BAD_GATEWAY => Self::Upstream,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            status if status.is_server_error() => Self::Broken,
            _ => Self::Malformed,
        }
    }
}
