//! Secrets that deliveries are signed with.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use reef_domain::{WebhookId, webhook::Webhook};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    CommandError, Entropy, Services,
    ports::{VaultError, VaultOwner},
};

/// How every secret begins, as Standard Webhooks says.
const PREFIX: &str = "whsec_";
/// Random bytes of a secret made here: 40 letters of base64, without padding.
const OWN_BYTES: usize = 30;
/// Fewest and most bytes of a secret, as Standard Webhooks says.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret: `whsec_` and the base64 of its 24 to 64 bytes. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Zeroizing<String>);

/// The text is not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's secret is whsec_ and the base64 of 24 to 64 bytes")]
pub struct NotASecret;

impl WebhookSecret {
    /// A new random one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; OWN_BYTES]);
        entropy.fill(&mut *bytes);
        let mut text = Zeroizing::new(PREFIX.to_owned());
        STANDARD.encode_string(*bytes, &mut text);
        Self(text)
    }

    /// The secret of that text.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let secret = Self(Zeroizing::new(text.to_owned()));
        if BYTES.contains(&secret.bytes().ok_or(NotASecret)?.len()) {
            Ok(secret)
        } else {
            Err(NotASecret)
        }
    }

    /// The whole text, for whoever may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes it stands for: the key of Standard Webhooks.
    pub(super) fn bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let encoded = self.0.strip_prefix(PREFIX)?;
        STANDARD.decode(encoded).ok().map(Zeroizing::new)
    }

    /// Its last four characters.
    pub(super) fn hint(&self) -> String {
        self.0[self.0.len() - 4..].to_owned()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

impl Serialize for WebhookSecret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The command's fingerprint is taken of this; nothing else serialises a command.
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WebhookSecret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for WebhookSecret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WebhookSecret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Eight to twenty groups of three bytes, one more where it fits, and one or two last bytes.
        json_schema!({
            "type": "string",
            "pattern": "^whsec_([A-Za-z0-9+/]{4}){8,20}(([A-Za-z0-9+/]{4})?([A-Za-z0-9+/][AQgw]==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)$",
            "writeOnly": true,
        })
    }
}

/// Whose data key the secrets of a webhook are under.
pub fn vault_owner(webhook: &WebhookId) -> VaultOwner {
    VaultOwner::new("webhook", webhook)
}

/// The secrets that deliveries of the webhook are signed with at that time, the newest first; none of one that is
/// deleted.
pub async fn signing_secrets(
    services: &Services,
    webhook: &Webhook,
    at: DateTime<Utc>,
) -> Result<Vec<WebhookSecret>, CommandError> {
    let Some(id) = &webhook.webhook_id else {
        return Ok(Vec::new());
    };
    let owner = vault_owner(id);
    let mut secrets = Vec::new();
    for reference in webhook.signing_refs(at) {
        match services.vault.get(&owner, &reference).await {
            Ok(value) => {
                let text = std::str::from_utf8(&value).ok();
                let secret = text.and_then(|text| WebhookSecret::parse(text).ok());
                secrets.push(secret.ok_or_else(|| CommandError::Corrupt(NotASecret.to_string()))?);
            }
            // Retired or deleted between the two reads.
            Err(VaultError::Absent | VaultError::Destroyed) => {}
            Err(error @ (VaultError::Unopenable | VaultError::Unavailable(_))) => return Err(error.into()),
        }
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RandomEntropy;

    #[test]
    fn a_secret_made_here_is_one_and_no_two_are_alike() {
        let [one, other] = [(); 2].map(|()| WebhookSecret::generate(&RandomEntropy));
        assert_ne!(one, other);
        assert_eq!(WebhookSecret::parse(one.expose()), Ok(one.clone()));
        assert_eq!(one.bytes().unwrap().len(), OWN_BYTES);
        assert_eq!(one.expose().len(), 46);
        assert!(one.expose().ends_with(&one.hint()) && one.hint().len() == 4);
        assert_eq!(format!("{one:?}"), "WebhookSecret(..)");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in [of(24), of(32), of(64)] {
            assert!(WebhookSecret::parse(&good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "whsec_",
            "whsec_short",
            &of(23),
            &of(65),
            &of(24)[6..],
            &format!("{} ", of(24)),
            &of(32).replace('=', ""),
            "whsec_\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(WebhookSecret::parse(bad), Err(NotASecret), "{bad}");
        }
    }
}
