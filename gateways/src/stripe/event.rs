//! Signed events of Stripe (<https://docs.stripe.com/webhooks#verify-manually>).

use reef_commands::ports::{PaymentError, PaymentEvent};
use reef_domain::CheckoutId;
use ring::hmac::{self, HMAC_SHA256};
use serde::Deserialize;
use serde_json::Value;

/// How old, or how far in the future, a signature may be, in seconds.
const TOLERANCE_S: u64 = 300;
/// Most signatures of one event that are looked at: there are two while a secret is being replaced.
const MAX_SIGNATURES: usize = 8;

/// Whether the signature - `t=<seconds>,v1=<hex>[,v1=...]` - is of this body, by this secret, and recent.
pub(super) fn verify(body: &[u8], header: &str, secret: &[u8], now: i64) -> Result<(), PaymentError> {
    let refused = |reason: &str| Err(PaymentError::BadSignature(reason.to_owned()));
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let mut times = parts().filter(|(name, _)| *name == "t");
    let (Some((_, time)), None) = (times.next(), times.next()) else {
        return refused("it names no time, or several");
    };
    let Ok(signed_at) = time.parse::<i64>() else {
        return refused("its time is none");
    };
    let key = hmac::Key::new(HMAC_SHA256, secret);
    let signed = [time.as_bytes(), b".", body].concat();
    let by_us = parts()
        .filter(|(scheme, _)| *scheme == "v1")
        .take(MAX_SIGNATURES)
        .filter_map(|(_, digits)| hex::decode(digits).ok())
        .any(|signature| hmac::verify(&key, &signed, &signature).is_ok());
    if !by_us {
        return refused("it was not made with our secret, or the body was changed");
    }
    if now.abs_diff(signed_at) > TOLERANCE_S {
        return refused("it is older than five minutes");
    }
    Ok(())
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

/// A Checkout Session, as far as it is looked at.
#[derive(Deserialize)]
struct Session {
    id: String,
    client_reference_id: Option<CheckoutId>,
    payment_status: Option<String>,
}

/// What a verified event says. A session counts as paid when the money is there: cards at once, bank debits
/// days after the session was completed.
pub(super) fn read(body: &[u8]) -> Result<PaymentEvent, PaymentError> {
    let unreadable = |_| PaymentError::Malformed("it is no event of Stripe".to_owned());
    let event: Event = serde_json::from_slice(body).map_err(unreadable)?;
    let other = PaymentEvent::Other {
        event_id: event.id.clone(),
        kind: event.kind.clone(),
    };
    let completed = event.kind == "checkout.session.completed";
    if !completed && event.kind != "checkout.session.async_payment_succeeded" {
        return Ok(other);
    }
    // Without an id of ours it is a sale of another shop on the same account.
    let Ok(session) = serde_json::from_value::<Session>(event.data.object) else {
        return Ok(other);
    };
    let paid = session.payment_status.as_deref() == Some("paid");
    match session.client_reference_id {
        Some(checkout_id) if paid => Ok(PaymentEvent::Paid {
            event_id: event.id,
            checkout_id,
            provider_ref: session.id,
        }),
        Some(_) | None => Ok(other),
    }
}

#[cfg(test)]
mod tests;
