//! Session tokens of issuers outside: JWTs, verified by the keys that their issuer publishes (JWKS).
//!
//! A token is believed if a configured issuer signed it with a key it publishes, by the one algorithm of
//! that key, for us, and for now. What the token's header says is used to find the key and for nothing else.

mod claims;
mod issuer;
mod jwk;
mod keys;
pub(crate) mod ring_provider;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use jsonwebtoken::{Header, dangerous};
use reef_commands::ports::{Clock, ExternalIdentity, SessionTokens, TokenError};

use self::{
    claims::{Claims, Issued},
    jwk::{Checked, Keys},
    keys::KeySource,
};

pub use issuer::{IssuerConfig, IssuerError};

/// Longest token looked at, in bytes: headers of requests are not longer.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Longest wait for an issuer's keys.
const PATIENCE: Duration = Duration::from_secs(5);

struct Issuer {
    config: IssuerConfig,
    keys: KeySource,
}

/// Verifies the tokens of the configured issuers.
pub struct SessionIssuers {
    issuers: BTreeMap<String, Issuer>,
    clock: Arc<dyn Clock>,
}

impl SessionIssuers {
    /// For these issuers. Their keys are fetched when the first token comes.
    pub fn new(configs: Vec<IssuerConfig>, clock: Arc<dyn Clock>) -> Result<Self, IssuerError> {
        ring_provider::install();
        let client = crate::http::client(PATIENCE).map_err(IssuerError::Client)?;
        let mut issuers = BTreeMap::new();
        for config in configs {
            let url = config.checked()?;
            let keys = KeySource::new(url, client.clone(), Arc::clone(&clock));
            let issuer = Issuer { config, keys };
            let name = issuer.config.issuer.clone();
            if issuers.insert(name.clone(), issuer).is_some() {
                return Err(IssuerError::Twice(name));
            }
        }
        Ok(Self { issuers, clock })
    }
}

#[async_trait]
impl SessionTokens for SessionIssuers {
    async fn verify(&self, token: &str) -> Result<ExternalIdentity, TokenError> {
        let header = header_of(token)?;
        let issued: Issued = dangerous::insecure_decode_claims(token).map_err(|_| invalid("no claims"))?;
        let ours = self
            .issuers
            .get(&issued.iss)
            .ok_or_else(|| invalid("of no issuer of ours"))?;
        let claims = ours.claims(token, &header).await?;
        claims.accept(&ours.config, self.clock.now().timestamp())
    }
}

impl Issuer {
    /// The claims, once a key of the issuer has verified them. A key that we do not know may be a new one.
    async fn claims(&self, token: &str, header: &Header) -> Result<Claims, TokenError> {
        let keys = self.keys.current().await.map_err(TokenError::Unavailable)?;
        let first = verify_with(&keys, token, header)?;
        if let Some(claims) = first {
            return Ok(claims);
        }
        let newer = self
            .keys
            .newer_than(&keys)
            .await
            .map_err(TokenError::Unavailable)?;
        let second = newer.map(|keys| verify_with(&keys, token, header)).transpose()?;
        second
            .flatten()
            .ok_or_else(|| invalid("no key of the issuer made the signature"))
    }
}

/// `None`: newer keys of the issuer might verify it.
fn verify_with(keys: &Keys, token: &str, header: &Header) -> Result<Option<Claims>, TokenError> {
    match keys.check(token, header) {
        Checked::Signed(claims) => Ok(Some(*claims)),
        Checked::NoSuchKey => Ok(None),
        Checked::Forged(reason) => Err(invalid(reason)),
    }
}

/// The header of a token that may be worth asking an issuer for keys.
fn header_of(token: &str) -> Result<Header, TokenError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(invalid("too long"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| invalid("not a signed JWT"))?;
    if !jwk::ALGORITHMS.contains(&header.alg) {
        return Err(invalid("signed by an algorithm that is not accepted"));
    }
    // Extensions that must be understood (RFC 7515, 4.1.11): none is.
    if header.crit.is_some() || header.extras.get::<bool>("b64").is_ok_and(|b64| b64.is_some()) {
        return Err(invalid("with extensions that are not understood"));
    }
    Ok(header)
}

fn invalid(reason: &str) -> TokenError {
    TokenError::Invalid(reason.to_owned())
}

#[cfg(test)]
mod tests;
