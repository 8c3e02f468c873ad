//! Services outside, as tests need them: an issuer whose tokens say who they are for, a shop that takes
//! payments nobody makes, and a box that letters go into.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use reef_commands::{
    Gateways,
    ports::{
        AccountTokens, CheckoutRequest, CheckoutSession, EffectToken, ExternalIdentity, Letter, Mail,
        MailError, PaymentError, PaymentEvent, Payments, SessionTokens, SystemClock, TokenError,
    },
};
use reef_domain::Dialect;
use reef_gateways::tokens::OwnTokens;
use serde_json::Value;

/// Both of them, and the shop's own book.
pub(crate) fn gateways() -> (Gateways, Arc<Shop>) {
    let shop = Arc::new(Shop::default());
    let gateways = Gateways {
        tokens: Some(Arc::new(Issuer)),
        payments: Some(Arc::clone(&shop) as _),
        ..Gateways::default()
    };
    (gateways, shop)
}

/// Tokens of our own.
pub(crate) fn own_tokens() -> Arc<dyn AccountTokens> {
    let life = Duration::from_hours(24);
    Arc::new(OwnTokens::new(&[5; 32].into(), life, Arc::new(SystemClock)))
}

/// Letters as they were sent, in order.
#[derive(Default)]
pub(crate) struct Letters(pub(crate) Mutex<Vec<Letter>>);

#[async_trait]
impl Mail for Letters {
    async fn send(&self, letter: &Letter, _: &EffectToken) -> Result<(), MailError> {
        self.0.lock().push(letter.clone());
        Ok(())
    }
}

/// A token of the issuer for that subject.
pub(crate) fn token(subject: &str) -> String {
    format!("head.{subject}.signed")
}

struct Issuer;

#[async_trait]
impl SessionTokens for Issuer {
    async fn verify(&self, token: &str) -> Result<ExternalIdentity, TokenError> {
        let subject = token
            .strip_prefix("head.")
            .and_then(|rest| rest.strip_suffix(".signed"));
        let subject = subject.ok_or_else(|| TokenError::Invalid("not signed".to_owned()))?;
        Ok(ExternalIdentity {
            issuer: "https://issuer.test".to_owned(),
            subject: subject.to_owned(),
            email: None,
            name: None,
            dialect: Dialect::Tropic,
        })
    }
}

/// What was ordered, in order.
#[derive(Default)]
pub(crate) struct Shop(pub(crate) Mutex<Vec<CheckoutRequest>>);

/// The signature that the shop makes.
pub(crate) const SIGNATURE: &str = "of-the-shop";

#[async_trait]
impl Payments for Shop {
    fn minimum_cents(&self) -> u64 {
        50
    }

    async fn create_checkout(
        &self,
        request: &CheckoutRequest,
        _: &EffectToken,
    ) -> Result<CheckoutSession, PaymentError> {
        let mut book = self.0.lock();
        if !book.contains(request) {
            book.push(request.clone());
        }
        Ok(CheckoutSession {
            provider_ref: format!("cs_{}", request.checkout_id),
            url: format!("https://shop.test/pay/{}", request.checkout_id),
        })
    }

    fn verify_event(&self, body: &[u8], signature: &str) -> Result<PaymentEvent, PaymentError> {
        if signature != SIGNATURE {
            return Err(PaymentError::BadSignature("another hand".to_owned()));
        }
        let event: Value =
            serde_json::from_slice(body).map_err(|error| PaymentError::Malformed(error.to_string()))?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        Ok(match event["paid"].as_str() {
            Some(checkout) => PaymentEvent::Paid {
                event_id: text("id"),
                checkout_id: checkout.into(),
                provider_ref: format!("cs_{checkout}"),
            },
            None => PaymentEvent::Other {
                event_id: text("id"),
                kind: text("kind"),
            },
        })
    }
}
