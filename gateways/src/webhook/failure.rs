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
    let kind = cause.downcast_ref::<io::Error>()?.kind();
    if kind == io::ErrorKind::TimedOut {
        return Some(WebhookFailure::Timeout);
    }
    // What such an error wraps says more.
    let wraps = [io::ErrorKind::Other, io::ErrorKind::InvalidData].contains(&kind);
    (!wraps).then(|| WebhookFailure::Connect(kind.to_string()))
}

/// The error and what led to it, from the outside in. An error of input or output that wraps another does not name
/// that one as its source, but that one's source.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
        Some(cause)
    })
}
