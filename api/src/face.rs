//! Faces: how each API of the server meets its clients.

use axum::{http::HeaderMap, response::Response};
use reef_domain::Dialect;

use crate::{Problem, edge::RequestId, limit::Allowance};

/// What the edge does differently for each API.
pub(crate) struct Face {
    /// The dialect whose accounts' credentials are taken; `None`: those of every account, and the operator's.
    pub(crate) dialect: Option<Dialect>,
    /// A header that carries a credential as well as `Authorization` does; in lower case.
    pub(crate) key_header: Option<&'static str>,
    /// How often clients may ask.
    pub(crate) pace: Pace,
    /// Writes a failure as the API's clients know it.
    pub(crate) render: fn(&Problem, &RequestId) -> Response,
    /// Tells a client in every answer what is left to it; `None`: only that it must wait.
    pub(crate) tell: Option<fn(Allowance, &mut HeaderMap)>,
}

/// How often clients may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As the operator configured it, per credential.
    Configured,
    /// So many requests in any minute, per user.
    PerUser(u32),
    /// So many requests in any minute, per account.
    PerAccount(u32),
}

/// The native API.
pub(crate) const NATIVE: Face = Face {
    dialect: None,
    key_header: None,
    pace: Pace::Configured,
    render: |problem, id| problem.render(id.as_str()),
    tell: Some(Allowance::tell),
};
