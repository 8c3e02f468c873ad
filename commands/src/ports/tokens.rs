//! Tokens that this server issues itself: by them somebody who signed in is known again.

use reef_domain::{AccountId, Dialect, UserId};

use super::TokenError;

/// For whom a token stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHolder {
    /// The account.
    pub account_id: AccountId,
    /// Who acts in it.
    pub user_id: UserId,
    /// The wire API the token was issued for.
    pub dialect: Dialect,
}

/// Issues tokens, and verifies those it issued. Nothing is stored of them.
pub trait AccountTokens: Send + Sync + 'static {
    /// A token for that user, which works from now on.
    fn issue(&self, holder: &TokenHolder) -> Result<String, TokenError>;
    /// For whom the token stands, if it was issued here and works still.
    fn verify(&self, token: &str) -> Result<TokenHolder, TokenError>;
    /// Keyed digest of a short secret, 64 lower-case hexadecimal digits: the same on every node, and without the
    /// server's key no help in guessing the secret.
    fn digest(&self, purpose: &str, secret: &str) -> String;
}
