//! Signed checkpoints of the log: C2SP `tlog-checkpoint`, a `signed-note` with an Ed25519 signature.
//!
//! ```text
//! <origin>
//! <number of events>
//! <root hash, base64>
//!
//! — <origin> <base64 of key id and signature>
//! ```
//!
//! The key id is the first four bytes of `SHA-256(name || 0x0A || 0x01 || public key)`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reef_commands::ports::Head;
use ring::{
    digest::{SHA256, digest},
    error::KeyRejected,
    signature::{Ed25519KeyPair, KeyPair as _},
};

/// Signature type of Ed25519 in signed notes.
const ED25519: u8 = 1;

/// Signs the log's checkpoints.
pub struct CheckpointKey {
    origin: String,
    pair: Ed25519KeyPair,
}

impl CheckpointKey {
    /// The key of this seed, for the log of that name. Names hold no white space and no `+`; whatever
    /// else is given is replaced by `-`.
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Self, KeyRejected> {
        let plain = |c: char| {
            if c.is_whitespace() || c.is_control() || c == '+' {
                '-'
            } else {
                c
            }
        };
        let origin: String = origin.chars().map(plain).collect();
        Ok(Self {
            origin,
            pair: Ed25519KeyPair::from_seed_unchecked(seed)?,
        })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The signed checkpoint of the log's head.
    pub fn checkpoint(&self, head: &Head) -> String {
        let text = format!(
            "{}\n{}\n{}\n",
            self.origin,
            head.position,
            STANDARD.encode(head.root)
        );
        let mut signature = self.key_id().to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!(
            "{text}\n\u{2014} {} {}\n",
            self.origin,
            STANDARD.encode(signature)
        )
    }

    /// The verifier key: `<name>+<key id in hex>+<base64 of the type and the public key>`.
    pub fn verifier_key(&self) -> String {
        format!(
            "{}+{}+{}",
            self.origin,
            hex::encode(self.key_id()),
            STANDARD.encode(self.typed_key())
        )
    }

    fn typed_key(&self) -> Vec<u8> {
        [&[ED25519], self.pair.public_key().as_ref()].concat()
    }

    fn key_id(&self) -> [u8; 4] {
        let text = [self.origin.as_bytes(), b"\n", &self.typed_key()].concat();
        let hash = digest(&SHA256, &text);
        let mut id = [0; 4];
        id.copy_from_slice(&hash.as_ref()[..4]);
        id
    }
}

#[cfg(test)]
mod tests;
