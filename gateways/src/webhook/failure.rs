//! Why there was no answer, in words for the webhook's owner: what the libraries say may name addresses.

use std::{error::Error, io};

use reef_commands::ports::WebhookFailure;

use super::{lookup::NoAddress, rules::Refused};

/// What an error of the HTTP client means.
pub(super) fn of(error: &reqwest::Error) -> WebhookFailure {
    if error.is_timeout() {
        return WebhookFailure::Timeout;
    }
    let known = causes(error).find_map(of_cause);
    known.unwrap_or_else(|| {
        if error.is_connect() {
            WebhookFailure::Connect("the connection could not be made".to_owned())
        } else {
            WebhookFailure::Protocol("the answer is not one of HTTP, or broke off".to_owned())
        }
    })
}

fn of_cause(cause: &(dyn Error + 'static)) -> Option<WebhookFailure> {
    if let Some(refused) = cause.downcast_ref::<Refused>() {
        return Some(WebhookFailure::Refused(refused.to_string()));
    }
    if cause.is::<NoAddress>() {
        return Some(WebhookFailure::Dns(NoAddress.to_string()));
    }
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(WebhookFailure::Tls(tls.to_string()));
    }
    let io = cause.downcast_ref::<io::Error>()?;
    let inner = io
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (inner, io.kind()) {
        (Some(tls), _) => Some(WebhookFailure::Tls(tls.to_string())),
        (None, io::ErrorKind::TimedOut) => Some(WebhookFailure::Timeout),
        (None, io::ErrorKind::Other | io::ErrorKind::InvalidData) => None,
        (None, kind) => Some(WebhookFailure::Connect(kind.to_string())),
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}
