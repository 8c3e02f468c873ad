//! A Stripe account as it is configured.

use std::fmt;

use url::Url;
use zeroize::Zeroizing;

use crate::address::{AddressError, protected};

/// Where Stripe is.
const BASE_URL: &str = "https://api.stripe.com";

/// A secret that no log line shows.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A Stripe account.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    pub(super) secret_key: Secret,
    pub(super) webhook_secret: Secret,
    base_url: String,
}

/// Why the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StripeConfigError {
    /// Empty, or with characters that no header carries.
    #[error("the secret key of Stripe is empty or holds characters that no header carries")]
    SecretKey,
    /// Without it anybody could say that something was paid.
    #[error("the signing secret of Stripe's webhook is empty")]
    WebhookSecret,
    /// The address cannot be used.
    #[error("base URL of Stripe: {0}")]
    Address(#[from] AddressError),
    /// No HTTP client can be made.
    #[error("no HTTP client: {0}")]
    Client(String),
}

impl StripeConfig {
    /// With the key of the API (`sk_...`), the signing secret of the webhook (`whsec_...`), and another
    /// address than Stripe's own where there is one.
    pub fn new(
        secret_key: &str,
        webhook_secret: &str,
        base_url: Option<&str>,
    ) -> Result<Self, StripeConfigError> {
        let secret = |text: &str| Secret(Zeroizing::new(text.trim().to_owned()));
        let config = Self {
            secret_key: secret(secret_key),
            webhook_secret: secret(webhook_secret),
            base_url: base_url.unwrap_or(BASE_URL).to_owned(),
        };
        let key = config.secret_key.reveal();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(StripeConfigError::SecretKey);
        }
        if config.webhook_secret.reveal().is_empty() {
            return Err(StripeConfigError::WebhookSecret);
        }
        config.sessions()?;
        Ok(config)
    }

    /// Where sessions are asked for.
    pub(super) fn sessions(&self) -> Result<Url, AddressError> {
        protected(&format!(
            "{}/v1/checkout/sessions",
            self.base_url.trim_end_matches('/')
        ))
    }
}
