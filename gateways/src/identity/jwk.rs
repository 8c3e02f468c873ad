//! The keys an issuer publishes: each with the one algorithm it verifies.

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, errors::ErrorKind};
use serde::Deserialize;
use serde_json::Value;

use super::claims::Claims;

/// Algorithms that are accepted. Symmetric ones and `none` are not: whoever can verify those can sign.
pub(super) const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// Most keys kept of one issuer.
const MAX_KEYS: usize = 64;

/// A key as RFC 7517 writes it, as far as it is looked at.
#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    verifies: DecodingKey,
}

/// The keys of one issuer at one time.
pub(super) struct Keys {
    /// Grows with every fetch.
    pub(super) generation: u64,
    keys: Vec<Key>,
}

/// What came of checking a signature.
pub(super) enum Checked {
    /// A key made it.
    Signed(Box<Claims>),
    /// The key is not among these.
    NoSuchKey,
    /// The key is, and did not make it; or it is no token of ours.
    Forged(&'static str),
}

impl Keys {
    /// The keys of a published set that can be used; others are left out.
    pub(super) fn read(body: &[u8], generation: u64) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set =
            serde_json::from_slice(body).map_err(|_| "what it publishes is no key set".to_owned())?;
        if set.keys.len() > MAX_KEYS {
            return Err(format!("it publishes more than {MAX_KEYS} keys"));
        }
        let keys = set.keys.into_iter().filter_map(Key::read).collect();
        Ok(Self { generation, keys })
    }

    /// Checks the signature of a token whose header was read.
    pub(super) fn check(&self, token: &str, header: &Header) -> Checked {
        let named: Vec<&Key> = self
            .keys
            .iter()
            .filter(|key| header.kid.is_none() || key.kid == header.kid)
            .collect();
        if named.is_empty() {
            return Checked::NoSuchKey;
        }
        for key in named.into_iter().filter(|key| key.algorithm == header.alg) {
            match key.claims(token) {
                Ok(claims) => return Checked::Signed(Box::new(claims)),
                Err(ErrorKind::InvalidSignature) => {}
                Err(_) => return Checked::Forged("with claims that cannot be read"),
            }
        }
        if header.kid.is_none() {
            // It names no key, so that of its signature may be a new one.
            Checked::NoSuchKey
        } else {
            Checked::Forged("not signed by the key it names")
        }
    }
}

impl Key {
    fn read(published: Value) -> Option<Self> {
        let published: Published = serde_json::from_value(published).ok()?;
        let signs = published.usage.as_deref().is_none_or(|usage| usage == "sig")
            && published
                .key_ops
                .iter()
                .flatten()
                .all(|operation| operation == "verify");
        if !signs {
            return None;
        }
        let (algorithm, key) = match (published.kty.as_str(), published.crv.as_deref()) {
            ("RSA", _) => {
                let key = DecodingKey::from_rsa_components(&published.n?, &published.e?);
                (Algorithm::RS256, key.ok()?)
            }
            ("EC", Some("P-256")) => {
                let key = DecodingKey::from_ec_components(&published.x?, &published.y?);
                (Algorithm::ES256, key.ok()?)
            }
            ("OKP", Some("Ed25519")) => {
                let key = DecodingKey::from_ed_components(&published.x?);
                (Algorithm::EdDSA, key.ok()?)
            }
            _ => return None,
        };
        let told = published
            .alg
            .as_deref()
            .is_none_or(|name| name == name_of(algorithm));
        told.then_some(Self {
            kid: published.kid,
            algorithm,
            verifies: key,
        })
    }

    /// The claims, if this key made the signature. What they say is judged elsewhere.
    fn claims(&self, token: &str) -> Result<Claims, ErrorKind> {
        let mut signature_only = Validation::new(self.algorithm);
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        signature_only.required_spec_claims.clear();
        jsonwebtoken::decode(token, &self.verifies, &signature_only)
            .map(|token| token.claims)
            .map_err(jsonwebtoken::errors::Error::into_kind)
    }
}

fn name_of(algorithm: Algorithm) -> &'static str {
    if algorithm == Algorithm::RS256 {
        "RS256"
    } else if algorithm == Algorithm::ES256 {
        "ES256"
    } else {
        "EdDSA"
    }
}
