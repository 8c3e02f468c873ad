//! Who a session token of an issuer outside stands for.

use async_trait::async_trait;
use reef_domain::Dialect;

/// Somebody an issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The issuer, as its tokens name it.
    pub issuer: String,
    /// Who it is to the issuer; unique there and never given to somebody else.
    pub subject: String,
    /// E-mail, where the token tells one that the issuer has not called unverified.
    pub email: Option<String>,
    /// Display name, where the token tells one.
    pub name: Option<String>,
    /// The wire API of accounts that are opened through this issuer.
    pub dialect: Dialect,
}

/// Why a token was not accepted. The text is for logs: it holds nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Malformed, expired, not yet valid, badly signed, or of an issuer or audience that is not ours.
    #[error("the session token is not valid: {0}")]
    Invalid(String),
    /// The issuer's keys cannot be had just now, so nobody can tell.
    #[error("the session token cannot be checked now: {0}")]
    Unavailable(String),
}

/// Verifies session tokens.
#[async_trait]
pub trait SessionTokens: Send + Sync + 'static {
    /// The identity the token stands for.
    async fn verify(&self, token: &str) -> Result<ExternalIdentity, TokenError>;
}
