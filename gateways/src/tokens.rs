//! Tokens of our own: JWTs that this server signs (HS256) and verifies itself.
//!
//! A token is believed if our key signed it, by that one algorithm, for the dialect it names, and for now. Every
//! node has the same key.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use reef_commands::ports::{AccountTokens, Clock, TokenError, TokenHolder};
use reef_domain::{AccountId, Dialect, UserId};
use ring::{hkdf, hmac};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::identity::ring_provider;

/// Who issues them.
const ISSUER: &str = "reef";
/// Longest token looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 4 * 1024;

/// The key that signs our tokens.
pub type TokenKey = Zeroizing<[u8; 32]>;

/// The key that follows from the server's master key: the same on every node that has that.
pub fn derived_key(master: &[u8; 32]) -> TokenKey {
    struct Length;
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"reef");
    let mut key = Zeroizing::new([0; 32]);
    let secret = salt.extract(master);
    let filled = secret
        .expand(&[b"account tokens"], Length)
        .and_then(|okm| okm.fill(&mut *key));
    filled.expect("32 bytes are within what HKDF gives");
    key
}

/// Issues and verifies.
pub struct OwnTokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    digesting: hmac::Key,
    life: Duration,
    clock: Arc<dyn Clock>,
}

/// What a token of ours claims (RFC 7519).
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// The dialect.
    aud: Dialect,
    /// The user.
    sub: UserId,
    /// The account.
    account: AccountId,
    iat: i64,
    exp: i64,
}

impl OwnTokens {
    /// Tokens under that key which work for `life`.
    pub fn new(key: &TokenKey, life: Duration, clock: Arc<dyn Clock>) -> Self {
        ring_provider::install();
        Self {
            signing: EncodingKey::from_secret(&**key),
            verifying: DecodingKey::from_secret(&**key),
            digesting: hmac::Key::new(hmac::HMAC_SHA256, &**key),
            life,
            clock,
        }
    }
}

impl AccountTokens for OwnTokens {
    fn issue(&self, holder: &TokenHolder) -> Result<String, TokenError> {
        let now = self.clock.now().timestamp();
        let life = i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: holder.dialect,
            sub: holder.user_id.clone(),
            account: holder.account_id.clone(),
            iat: now,
            exp: now.saturating_add(life),
        };
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, &claims, &self.signing)
            .map_err(|error| TokenError::Unavailable(format!("no token can be signed: {error}")))
    }

    fn verify(&self, token: &str) -> Result<TokenHolder, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(invalid("too long"));
        }
        let mut rules = Validation::new(Algorithm::HS256);
        // Times are compared with our own clock, the audience with the caller's dialect.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.set_issuer(&[ISSUER]);
        let read = jsonwebtoken::decode::<Claims>(token, &self.verifying, &rules);
        let claims = read.map_err(|_| invalid("not one of ours"))?.claims;
        if claims.exp <= self.clock.now().timestamp() {
            return Err(invalid("expired"));
        }
        Ok(TokenHolder {
            account_id: claims.account,
            user_id: claims.sub,
            dialect: claims.aud,
        })
    }

    fn digest(&self, purpose: &str, secret: &str) -> String {
        let mut context = hmac::Context::with_key(&self.digesting);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(secret.as_bytes());
        hex::encode(context.sign())
    }
}

fn invalid(reason: &str) -> TokenError {
    TokenError::Invalid(reason.to_owned())
}

#[cfg(test)]
mod tests;
