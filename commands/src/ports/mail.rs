//! Mail to people.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::EffectToken;

/// One letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Address of who gets it.
    pub to: String,
    /// What it is about; no secret, since it is shown in lists and logs of servers on the way.
    pub subject: String,
    /// What it says. May hold a secret, such as a login code.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({:?})", self.subject)
    }
}

/// Why a letter was not sent. The text is for logs: it holds nothing of the letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The mail server does not answer, or says that it may take it later.
    #[error("the letter cannot be sent now: {0}")]
    Transient(String),
    /// The mail server will never take it.
    #[error("the letter cannot be sent: {0}")]
    Permanent(String),
}

/// Sends letters.
#[async_trait]
pub trait Mail: Send + Sync + 'static {
    /// Hands the letter to the mail server. Sent twice under one token it is the same message to whoever compares
    /// `Message-ID`s.
    async fn send(&self, letter: &Letter, token: &EffectToken) -> Result<(), MailError>;
}
