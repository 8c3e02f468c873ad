//! Issuers as they are configured.

use reef_domain::Dialect;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::address::{AddressError, protected};

/// An issuer whose session tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its name, exactly as its tokens have it (`iss`).
    pub issuer: String,
    /// Where it publishes its keys; `<issuer>/.well-known/jwks.json` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// What its tokens must be for (`aud`). When absent, only tokens that are for nobody in particular are
    /// accepted: one that names an audience is meant for somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Origins its tokens may be given to (`azp`); empty: any. Where there are some, a token must name one.
    #[serde(default)]
    pub authorized_parties: Vec<String>,
    /// The wire API of accounts opened through it.
    #[serde(default = "tropic")]
    pub dialect: Dialect,
}

fn tropic() -> Dialect {
    Dialect::Tropic
}

/// Why an issuer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Without a name no token can be of it.
    #[error("an issuer has a name")]
    Nameless,
    /// The address of its keys cannot be used.
    #[error("keys of issuer {issuer}: {error}")]
    Address {
        /// Its name.
        issuer: String,
        /// Why not.
        error: AddressError,
    },
    /// Two entries for one name.
    #[error("issuer {0} is configured twice")]
    Twice(String),
    /// No HTTP client can be made.
    #[error("no HTTP client: {0}")]
    Client(String),
}

impl IssuerConfig {
    /// Where its keys are, if the configuration can be used.
    pub(super) fn checked(&self) -> Result<Url, IssuerError> {
        if self.issuer.trim().is_empty() {
            return Err(IssuerError::Nameless);
        }
        let usual = || format!("{}/.well-known/jwks.json", self.issuer.trim_end_matches('/'));
        let url = self.jwks_url.clone().unwrap_or_else(usual);
        protected(&url).map_err(|error| IssuerError::Address {
            issuer: self.issuer.clone(),
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(issuer: &str) -> IssuerConfig {
        serde_json::from_value(serde_json::json!({ "issuer": issuer })).unwrap()
    }

    #[test]
    fn keys_are_where_issuers_usually_have_them() {
        let config = named("https://clerk.example.com/");
        let url = config.checked().unwrap();
        assert_eq!(url.as_str(), "https://clerk.example.com/.well-known/jwks.json");
        assert_eq!(config.dialect, Dialect::Tropic);
    }

    #[test]
    fn unusable_issuers_are_refused() {
        assert_eq!(named(" ").checked(), Err(IssuerError::Nameless));
        for bad in ["clerk.example.com", "http://clerk.example.com"] {
            assert!(
                matches!(named(bad).checked(), Err(IssuerError::Address { .. })),
                "{bad}"
            );
        }
        let unknown = serde_json::json!({ "issuer": "https://a.example", "audiance": "x" });
        assert!(serde_json::from_value::<IssuerConfig>(unknown).is_err());
    }
}
