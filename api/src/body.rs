//! JSON bodies, as bytes: who reads them knows their type.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, header},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::{App, Problem, problem::malformed};

/// The bytes of a body that says that it is JSON. An absent body is empty.
pub(crate) struct JsonBody(pub(crate) Bytes);

impl FromRequest<App> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &App) -> Result<Self, Problem> {
        let limit = state.config().body_limit_bytes;
        // The rest of the body is not read, so the connection cannot be used again: the client is told.
        let too_large = || {
            Problem::of("body_too_large", format!("A body has at most {limit} bytes."))
                .with_header(header::CONNECTION, HeaderValue::from_static("close"))
        };
        let length = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        let length: Option<usize> = length.and_then(|text| text.parse().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let is_json = says_json(request.headers());
        let is_plain = says_nothing_else(request.headers());
        let read = axum::body::to_bytes(request.into_body(), limit);
        let bytes = match tokio::time::timeout(state.config().request_timeout, read).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) if is_over(&error) => return Err(too_large()),
            Ok(Err(_)) => return Err(Problem::of("bad_request", "The body ended before its end.")),
            Err(_) => return Err(Problem::of("body_timeout", "The body did not arrive in time.")),
        };
        if !is_json && !bytes.is_empty() {
            return Err(Problem::of(
                "unsupported_media_type",
                "Send the body as plain application/json.",
            ));
        }
        if !is_plain {
            let detail = "A body is sent as it is, without Content-Encoding.";
            return Err(Problem::of("unsupported_media_type", detail));
        }
        Ok(Self(bytes))
    }
}

impl JsonBody {
    /// The bytes of an object, or of nothing. Readers of structures take arrays too, which nobody means.
    pub(crate) fn object(&self) -> Result<&[u8], Problem> {
        match self.0.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None | Some(b'{') => Ok(&self.0),
            Some(_) => Err(malformed(".", "The body is a JSON object.")),
        }
    }

    /// The body as a value of the type; the problem says where it is none.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut reader = serde_json::Deserializer::from_slice(self.object()?);
        let value = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| malformed(&error.path().to_string(), error.inner().to_string()))?;
        reader.end().map_err(|error| malformed(".", error.to_string()))?;
        Ok(value)
    }
}

fn is_over(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        // The only place where the limited body says so is its text: its type is not re-exported.
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether the body is not compressed, or otherwise packed.
fn says_nothing_else(headers: &HeaderMap) -> bool {
    let packed = headers.get(header::CONTENT_ENCODING);
    packed.is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Says that it is JSON, and plain: compressed bodies are not taken.
fn says_json(headers: &HeaderMap) -> bool {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers
        .get_all(header::CONTENT_ENCODING)
        .into_iter()
        .all(is_plain)
    {
        return false;
    }
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = text.map(|text| {
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    });
    kind.is_some_and(|kind| {
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    })
}
