//! What Stripe answers to a request for a session.

use reef_commands::ports::{CheckoutSession, PaymentError};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use url::Url;

/// Largest answer that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// As much of an explanation is passed on, in characters.
const MAX_EXPLANATION: usize = 300;

/// One answer, and whether the same request may get a better one.
pub(super) struct Answered {
    pub(super) result: Result<CheckoutSession, PaymentError>,
    pub(super) again: bool,
}

impl Answered {
    /// It may succeed when it is asked again.
    pub(super) fn again(error: PaymentError) -> Self {
        Self {
            result: Err(error),
            again: true,
        }
    }

    fn for_good(result: Result<CheckoutSession, PaymentError>) -> Self {
        Self { result, again: false }
    }
}

#[derive(Deserialize)]
struct Session {
    id: String,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: Explanation,
}

#[derive(Deserialize)]
struct Explanation {
    message: Option<String>,
}

/// Reads the answer.
pub(super) async fn read(response: Response) -> Answered {
    let status = response.status();
    let advice = response.headers().get("Stripe-Should-Retry").cloned();
    let body = match crate::http::body(response, MAX_BYTES).await {
        Ok(body) => body,
        Err(reason) => return Answered::again(PaymentError::Unavailable(reason)),
    };
    if status == StatusCode::OK {
        return Answered::for_good(session(&body));
    }
    let said = explanation(status, &body);
    match status.as_u16() {
        // The same key is in use by another request, too many of them, or Stripe's own trouble.
        409 | 429 | 500.. => Answered {
            result: Err(PaymentError::Unavailable(said)),
            again: advice.is_none_or(|advice| advice != "false"),
        },
        // What it says of a key that it does not accept may hold a part of the key.
        401 | 403 => Answered::for_good(Err(PaymentError::Misconfigured(format!(
            "it does not accept our key (status {})",
            status.as_u16()
        )))),
        300..=399 => Answered::for_good(Err(PaymentError::Misconfigured(format!(
            "it sends us elsewhere (status {})",
            status.as_u16()
        )))),
        _ => Answered::for_good(Err(PaymentError::Refused(said))),
    }
}

fn session(body: &[u8]) -> Result<CheckoutSession, PaymentError> {
    let unusable = |what: &str| PaymentError::Unavailable(format!("its answer {what}"));
    let session: Session = serde_json::from_slice(body).map_err(|_| unusable("is no session"))?;
    let url = session.url.ok_or_else(|| unusable("names no page to pay on"))?;
    if !Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "https" | "http")) {
        return Err(unusable("names a page that is none"));
    }
    Ok(CheckoutSession {
        provider_ref: session.id,
        url,
    })
}

fn explanation(status: StatusCode, body: &[u8]) -> String {
    let told = serde_json::from_slice::<Failure>(body)
        .ok()
        .and_then(|failure| failure.error.message);
    let text = told.unwrap_or_else(|| "no explanation".to_owned());
    let plain: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_EXPLANATION)
        .collect();
    format!("{plain} (status {})", status.as_u16())
}
