//! Sends webhooks to wherever accounts say, and nowhere else.
//!
//! URLs are strangers' input: a form that hides an address is undone by the URL parser, and every address a name
//! leads to is judged between its look-up and the connection, which goes to exactly that address. What a URL
//! leads to when it is sent to is therefore what was judged, whatever the name said before.
//!
//! No redirect is followed, no proxy of the environment is used, an answer is read up to a bound and a time.

mod address;
mod failure;
mod lookup;
mod rules;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use reef_commands::ports::{MAX_ANSWER_BYTES, WebhookAnswer, WebhookFailure, WebhookPost, WebhookSender};
use reqwest::{Client, Response, header, redirect};
use url::{Host, Url};

use self::lookup::{Guard, Judged, NoAddress};

pub use lookup::{Lookup, SystemLookup};
pub use rules::{NoCertificate, NotANetwork, WebhookRules};

/// Longest that a look-up may take when a webhook is made.
const CHECK_WITHIN: Duration = Duration::from_secs(3);
/// How long a connection that may serve again is kept.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept per host, behind which there may be many webhooks.
const IDLE_PER_HOST: usize = 256;

/// Sends webhooks.
pub struct WebhookPoster {
    rules: Arc<WebhookRules>,
    lookup: Arc<dyn Lookup>,
    https: Client,
    http: Client,
}

impl WebhookPoster {
    /// By these rules, with the system's resolver.
    pub fn new(rules: WebhookRules) -> Result<Self, String> {
        Self::with_lookup(rules, Arc::new(SystemLookup::default()))
    }

    /// By these rules, with another way to look names up.
    pub fn with_lookup(rules: WebhookRules, lookup: Arc<dyn Lookup>) -> Result<Self, String> {
        let rules = Arc::new(rules);
        let guard = |plain| Guard {
            rules: Arc::clone(&rules),
            lookup: Arc::clone(&lookup),
            plain,
        };
        Ok(Self {
            https: client(guard(false))?,
            http: client(guard(true))?,
            rules: Arc::clone(&rules),
            lookup,
        })
    }

    async fn send(&self, post: WebhookPost) -> Result<WebhookAnswer, WebhookFailure> {
        let started = Instant::now();
        let url = self.rules.url(&post.url).map_err(refused_as)?;
        let client = if url.scheme() == "https" {
            &self.https
        } else {
            &self.http
        };
        let mut request = client.post(url).body(post.body);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| failure::of(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = beginning(response).await?;
        Ok(WebhookAnswer {
            status,
            retry_after,
            body,
            took: started.elapsed(),
        })
    }

    async fn check_name(&self, url: &Url) -> Result<(), WebhookFailure> {
        let Some(Host::Domain(name)) = url.host() else {
            return Ok(());
        };
        let guard = Guard {
            rules: Arc::clone(&self.rules),
            lookup: Arc::clone(&self.lookup),
            plain: url.scheme() == "http",
        };
        match guard.judge(name).await {
            Judged::Allowed(_) => Ok(()),
            Judged::Refused(refused) => Err(refused_as(refused)),
            Judged::NoAddress => Err(WebhookFailure::Dns(NoAddress.to_string())),
        }
    }
}

fn refused_as(refused: rules::Refused) -> WebhookFailure {
    WebhookFailure::Refused(refused.to_string())
}

fn client(guard: Guard) -> Result<Client, String> {
    crate::http::provide_tls();
    Client::builder()
        .tls_certs_merge(guard.rules.authorities())
        .dns_resolver(guard)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .user_agent(concat!("reef-webhooks/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(crate::http::causes)
}

/// The beginning of the answer's body. The rest is not read, and its connection not used again.
async fn beginning(mut response: Response) -> Result<String, WebhookFailure> {
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(failure::of(&error)),
        }
    }
    body.truncate(MAX_ANSWER_BYTES);
    let mut text = String::from_utf8_lossy(&body).into_owned();
    text.truncate(text.floor_char_boundary(MAX_ANSWER_BYTES));
    Ok(text)
}

#[async_trait]
impl WebhookSender for WebhookPoster {
    async fn post(&self, post: WebhookPost) -> Result<WebhookAnswer, WebhookFailure> {
        let within = post.time_limit;
        let sent = tokio::time::timeout(within, self.send(post)).await;
        sent.unwrap_or(Err(WebhookFailure::Timeout))
    }

    async fn check(&self, url: &str) -> Result<(), WebhookFailure> {
        let url = self.rules.url(url).map_err(refused_as)?;
        let judged = tokio::time::timeout(CHECK_WITHIN, self.check_name(&url)).await;
        judged.unwrap_or(Err(WebhookFailure::Timeout))
    }

    fn allows_http(&self) -> bool {
        self.rules.allows_http()
    }
}

#[cfg(test)]
mod tests;
