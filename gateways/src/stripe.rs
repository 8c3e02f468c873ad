//! Payments through Stripe: Checkout Sessions, and the signed events that say they are paid.
//!
//! A session is asked for with an `Idempotency-Key`, so asking again - after a timeout, or in another
//! process - finds the same session. Nothing but the signature makes an event believed.

mod answer;
mod config;
mod event;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reef_commands::ports::{
    CheckoutRequest, CheckoutSession, Clock, EffectToken, PaymentError, PaymentEvent, Payments,
};
use reqwest::{Client, Response};

pub use config::{StripeConfig, StripeConfigError};

/// The version of the API that is asked for: an account's own may be another.
const API_VERSION: &str = "2024-06-20";
/// The least that Stripe takes in US dollars.
const MINIMUM_CENTS: u64 = 50;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Waits before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// The client of one Stripe account.
pub struct Stripe {
    config: StripeConfig,
    sessions: url::Url,
    client: Client,
    clock: Arc<dyn Clock>,
    pauses: [Duration; 2],
}

impl Stripe {
    /// For that account. Nothing is asked of Stripe before the first purchase.
    pub fn new(config: StripeConfig, clock: Arc<dyn Clock>) -> Result<Self, StripeConfigError> {
        Self::patient(config, clock, PATIENCE, PAUSES)
    }

    fn patient(
        config: StripeConfig,
        clock: Arc<dyn Clock>,
        patience: Duration,
        pauses: [Duration; 2],
    ) -> Result<Self, StripeConfigError> {
        Ok(Self {
            sessions: config.sessions()?,
            client: crate::http::client(patience).map_err(StripeConfigError::Client)?,
            config,
            clock,
            pauses,
        })
    }

    async fn ask(&self, form: &[(&str, String)], token: &EffectToken) -> Result<Response, PaymentError> {
        let request = self
            .client
            .post(self.sessions.clone())
            .bearer_auth(self.config.secret_key.reveal())
            .header("Stripe-Version", API_VERSION)
            .header("Idempotency-Key", &token.0)
            .form(form);
        let sent = request.send().await;
        sent.map_err(|error| PaymentError::Unavailable(crate::http::causes(error)))
    }

    async fn session(&self, form: &[(&str, String)], token: &EffectToken) -> answer::Answered {
        match self.ask(form, token).await {
            Ok(response) => answer::read(response).await,
            Err(error) => answer::Answered::again(error),
        }
    }
}

#[async_trait]
impl Payments for Stripe {
    fn minimum_cents(&self) -> u64 {
        MINIMUM_CENTS
    }

    async fn create_checkout(
        &self,
        request: &CheckoutRequest,
        token: &EffectToken,
    ) -> Result<CheckoutSession, PaymentError> {
        let form = form(request);
        let mut pauses = self.pauses.iter();
        loop {
            let answered = self.session(&form, token).await;
            match (answered.result, pauses.next()) {
                (Err(error), Some(pause)) if answered.again => {
                    tracing::debug!(%error, checkout_id = %request.checkout_id, "asking for the session again");
                    tokio::time::sleep(*pause).await;
                }
                (result, _) => return result,
            }
        }
    }

    fn verify_event(&self, body: &[u8], signature: &str) -> Result<PaymentEvent, PaymentError> {
        let secret = self.config.webhook_secret.reveal().as_bytes();
        event::verify(body, signature, secret, self.clock.now().timestamp())?;
        event::read(body)
    }
}

/// The session that is asked for. What comes back in events is our id; the rest is for people who look at
/// the payment in Stripe's dashboard.
fn form(request: &CheckoutRequest) -> Vec<(&'static str, String)> {
    let id = request.checkout_id.to_string();
    vec![
        ("mode", "payment".to_owned()),
        ("client_reference_id", id.clone()),
        ("success_url", request.success_url.clone()),
        ("cancel_url", request.cancel_url.clone()),
        ("line_items[0][quantity]", "1".to_owned()),
        ("line_items[0][price_data][currency]", "usd".to_owned()),
        (
            "line_items[0][price_data][unit_amount]",
            request.amount_cents.to_string(),
        ),
        (
            "line_items[0][price_data][product_data][name]",
            format!("{} credits", request.credits),
        ),
        ("metadata[checkout_id]", id.clone()),
        ("metadata[account_id]", request.account_id.to_string()),
        ("metadata[user_id]", request.user_id.to_string()),
        ("payment_intent_data[metadata][checkout_id]", id),
    ]
}

#[cfg(test)]
mod tests;
