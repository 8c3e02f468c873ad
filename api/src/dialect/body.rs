//! JSON bodies as wire types, and the ways in which a field can be there or not. (`Change` in the core
//! is the third: left out, null, or a value.)

use axum::extract::{FromRequest, Request};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{App, Problem, body::JsonBody};

/// A body read as the wire type. An absent body is an empty object; fields that the type does not have are
/// ignored.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &App) -> Result<Self, Problem> {
        let JsonBody(bytes) = JsonBody::from_request(request, state).await?;
        let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
        let body = JsonBody(if is_empty { (&b"{}"[..]).into() } else { bytes });
        body.parse().map(Self)
    }
}

/// A field that may be left out, but not be null.
pub(crate) fn supplied<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A field that may be null, but not be left out.
pub(crate) fn required_nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
