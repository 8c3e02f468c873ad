//! HTTP to services outside: bounded, and never somewhere else than asked.

use std::time::Duration;

use reqwest::{Client, Response, redirect};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Makes the TLS provider known, unless one is.
pub(crate) fn provide_tls() {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::trace!("a TLS provider is installed already");
    }
}

/// A client whose every request ends within `whole`.
pub(crate) fn client(whole: Duration) -> Result<Client, String> {
    provide_tls();
    Client::builder()
        .connect_timeout(CONNECT.min(whole))
        .timeout(whole)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("reef/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(causes)
}

/// The whole body, if it has at most `max` bytes.
pub(crate) async fn body(mut response: Response, max: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(causes)? {
        if body.len() + chunk.len() > max {
            return Err(format!("an answer of more than {max} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with what led to it, and without the URL.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
