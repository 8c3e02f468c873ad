//! The id that a request and everything it leads to is filed under.

use std::{fmt, sync::Arc};

use axum::http::{HeaderMap, HeaderValue};
use reef_commands::Entropy;

/// A request's id: the client's own, if it is presentable, else a new one.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// The id of the request with these headers.
    pub(crate) fn of(headers: &HeaderMap, entropy: &dyn Entropy) -> Self {
        let own = headers.get("x-request-id").and_then(|value| value.to_str().ok());
        match own.filter(|text| is_presentable(text)) {
            Some(text) => Self(text.into()),
            None => Self(format!("req_{}", entropy.alnum(20)).into()),
        }
    }

    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The header's value.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// It is copied into logs and events, so it is short and plain.
fn is_presentable(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte))
}

#[cfg(test)]
mod tests;
