//! Randomness, so that a seeded simulation can repeat it.

use rand::RngCore;

/// A source of random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator, through a thread-local one.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomEntropy;

impl Entropy for RandomEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

const LOWER_ALNUM: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl dyn Entropy {
    /// `len` random lower-case letters and digits.
    pub fn alnum(&self, len: usize) -> String {
        self.text(LOWER_ALNUM, len)
    }

    /// `len` random letters and digits.
    pub fn base62(&self, len: usize) -> String {
        self.text(BASE62, len)
    }

    /// A random `UUIDv7` of that time.
    pub fn uuid_v7(&self, unix_ms: u64) -> uuid::Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid()
    }

    /// Rejection sampling keeps every letter equally likely.
    fn text(&self, alphabet: &[u8], len: usize) -> String {
        let fair = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(len);
        let mut bytes = [0_u8; 64];
        while text.len() < len {
            self.fill(&mut bytes);
            for byte in bytes
                .iter()
                .map(|byte| usize::from(*byte))
                .filter(|byte| *byte < fair)
            {
                if text.len() == len {
                    break;
                }
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
        text
    }
}
