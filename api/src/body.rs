//! JSON bodies, as bytes: who reads them knows their type.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use crate::{App, Problem, problem::malformed};

/// Most bytes that are read of a body that is too large.
const THROWN_AWAY: usize = 64 << 20;

/// The bytes of a body that says that it is JSON. An absent body is empty.
pub(crate) struct JsonBody(pub(crate) Bytes);

impl FromRequest<App> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &App) -> Result<Self, Problem> {
        let limit = state.config().body_limit_bytes;
        let is_json = says_json(request.headers());
        let waits = request.headers().contains_key(header::EXPECT);
        let announced = length(request.headers()).unwrap_or(0);
        let too_large = || Problem::of("body_too_large", format!("A body has at most {limit} bytes."));
        if announced > limit && waits {
            // The client sends nothing before it is asked to.
            return Err(too_large());
        }
        let read = read(request.into_body(), limit);
        let bytes = match tokio::time::timeout(state.config().request_timeout, read).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return Err(too_large()),
            Ok(Err(_)) => return Err(Problem::of("bad_request", "The body ended before its end.")),
            Err(_) => return Err(Problem::of("body_timeout", "The body did not arrive in time.")),
        };
        if !is_json && !bytes.is_empty() {
            return Err(Problem::of(
                "unsupported_media_type",
                "Send the body as plain application/json.",
            ));
        }
        Ok(Self(bytes))
    }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body's bytes; `None`: they are more than `limit`. What is too much is read all the same, within
/// reason, and thrown away: most clients look for an answer only after they have sent everything.
async fn read(body: Body, limit: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut pieces = body.into_data_stream();
    // Nearly every body is one piece, which is taken as it is.
    let Some(first) = pieces.next().await.transpose()? else {
        return Ok(Some(Bytes::new()));
    };
    let mut seen = first.len();
    let mut rest = BytesMut::new();
    while let Some(piece) = pieces.next().await.transpose()? {
        seen += piece.len();
        if seen <= limit {
            rest.extend_from_slice(&piece);
        } else if seen > THROWN_AWAY {
            break;
        }
    }
    if seen > limit {
        return Ok(None);
    }
    Ok(Some(if rest.is_empty() {
        first
    } else {
        [first, rest.freeze()].concat().into()
    }))
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
