//! API keys as texts: made once, kept only as a digest.

use reef_domain::Dialect;
use ring::digest::{SHA256, digest};

use crate::Entropy;

/// A new key of the dialect's form. 43 letters of base 62 hold 256 bits.
pub fn new_key_text(entropy: &dyn Entropy, dialect: Dialect) -> String {
    let prefix = match dialect {
        Dialect::Native => "reef_live_sk_",
        Dialect::Tropic => "tropic_live_sk_",
        Dialect::Agentbot => "agentbot_live_sk_",
        Dialect::Thermidora => "tc_live_",
        Dialect::Expressclaw => "expressclaw_live_sk_",
        Dialect::Agento => "agento_live_sk_",
    };
    format!("{prefix}{}", entropy.base62(43))
}

/// Lower-case hex of the key's SHA-256: what is stored and looked up. Keys are long and random, so a
/// plain hash cannot be searched backwards.
pub fn digest_key(key: &str) -> String {
    hex::encode(digest(&SHA256, key.as_bytes()))
}
