//! Sends webhooks: one POST, and whether a URL may be sent to at all.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

/// Most of an answer's body that is kept, in bytes.
pub const MAX_ANSWER_BYTES: usize = 1024;

/// One POST to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookPost {
    /// Where to: `https` or `http`; which addresses are allowed is the sender's to know.
    pub url: Arc<str>,
    /// Headers beside those of HTTP itself, names in lower case; `content-type` is among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, byte for byte as it was signed.
    pub body: String,
    /// All of it, from the look-up of the name to the end of the answer, ends within this time.
    pub time_limit: Duration,
}

/// What the receiver answered, whatever the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAnswer {
    /// HTTP status; a redirect is not followed and comes as it is.
    pub status: u16,
    /// The header `Retry-After` as it came: seconds or an HTTP date.
    pub retry_after: Option<String>,
    /// The beginning of the body, at most [`MAX_ANSWER_BYTES`], what is no UTF-8 replaced.
    pub body: String,
    /// From the call to the end of what was read of the answer.
    pub took: Duration,
}

/// Why there was no answer. The texts are for the webhook's owner: without addresses of our own network and
/// without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookFailure {
    /// The URL is none that may be sent to: not http(s), or an address that is not allowed.
    #[error("address refused: {0}")]
    Refused(String),
    /// The name has no address.
    #[error("name not found: {0}")]
    Dns(String),
    /// No connection: refused, reset, unreachable.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection could not be made safe.
    #[error("TLS: {0}")]
    Tls(String),
    /// No whole answer within the time limit.
    #[error("no answer within the time limit")]
    Timeout,
    /// What came was no answer of HTTP, or the connection ended in it.
    #[error("not HTTP: {0}")]
    Protocol(String),
}

impl WebhookFailure {
    /// Stable name of the sort of failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Dns(_) => "dns",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Timeout => "timeout",
            Self::Protocol(_) => "protocol",
        }
    }
}

/// Sends webhooks.
#[async_trait]
pub trait WebhookSender: Send + Sync + 'static {
    /// Makes the POST once; redirects are not followed. Addresses are judged after the name was looked up,
    /// each time. Dropping the future gives the connection up.
    async fn post(&self, post: WebhookPost) -> Result<WebhookAnswer, WebhookFailure>;

    /// Whether that URL could be sent to now, for when a webhook is made: its form, and that its name leads to
    /// allowed addresses only. Nothing is sent.
    async fn check(&self, url: &str) -> Result<(), WebhookFailure>;

    /// Whether a URL may be plain http at all, wherever it leads.
    fn allows_http(&self) -> bool {
        false
    }
}
