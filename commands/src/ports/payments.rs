//! Payments: a page where a person pays, and the provider's word that it happened.

use async_trait::async_trait;
use reef_domain::{AccountId, CheckoutId, UserId};

use super::EffectToken;

/// What is to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRequest {
    /// Our id of the purchase: the provider gives it back with its events.
    pub checkout_id: CheckoutId,
    /// Whose ledger it is for.
    pub account_id: AccountId,
    /// Who buys.
    pub user_id: UserId,
    /// How many credits.
    pub credits: u32,
    /// What they cost together, in US cents.
    pub amount_cents: u64,
    /// Where the person goes after paying; an absolute http or https URL.
    pub success_url: String,
    /// Where the person goes instead; an absolute http or https URL.
    pub cancel_url: String,
}

/// A payment page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutSession {
    /// What the provider calls it.
    pub provider_ref: String,
    /// Where the person pays.
    pub url: String,
}

/// What a provider tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentEvent {
    /// A purchase is paid.
    Paid {
        /// The provider's id of the event.
        event_id: String,
        /// Our id of the purchase.
        checkout_id: CheckoutId,
        /// What the provider calls it.
        provider_ref: String,
    },
    /// Something that is none of our business, such as another shop's sale.
    Other {
        /// The provider's id of the event.
        event_id: String,
        /// What it is about, in the provider's words.
        kind: String,
    },
}

/// Why a payment provider did not do it. The text is for people and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// The provider does not accept the request; again will not help.
    #[error("the payment provider refuses: {0}")]
    Refused(String),
    /// The provider does not accept us: the operator has to mend the configuration.
    #[error("the payment provider is not configured correctly: {0}")]
    Misconfigured(String),
    /// Try again later.
    #[error("the payment provider cannot be reached: {0}")]
    Unavailable(String),
    /// The event does not come from the provider, or is too old to be believed.
    #[error("the signature of the payment event is not valid: {0}")]
    BadSignature(String),
    /// The event comes from the provider and cannot be understood.
    #[error("the payment event cannot be read: {0}")]
    Malformed(String),
}

/// A payment provider. Every call may be repeated with the same token and then opens no second page.
#[async_trait]
pub trait Payments: Send + Sync + 'static {
    /// The least amount that can be paid, in US cents.
    fn minimum_cents(&self) -> u64;
    /// Opens a payment page.
    async fn create_checkout(
        &self,
        request: &CheckoutRequest,
        token: &EffectToken,
    ) -> Result<CheckoutSession, PaymentError>;
    /// Reads an event that was delivered: its body as it came, and its signature.
    fn verify_event(&self, body: &[u8], signature: &str) -> Result<PaymentEvent, PaymentError>;
}
