//! A small client of the native API. It knows paths and headers, not what commands mean.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

use super::{
    EventStream,
    wait::{LONG, SHORT},
};

/// Somebody with a credential, or without.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    key: Option<Arc<str>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body as JSON; `null` if it is none.
    pub(crate) body: Value,
}

impl Client {
    /// Speaks to the server at `base`.
    pub(crate) fn new(base: String, key: Option<&str>) -> Self {
        install_crypto();
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client needs nothing");
        Self {
            http,
            base: base.into(),
            key: key.map(Into::into),
        }
    }

    /// The same server with another credential.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            key: Some(key.into()),
            ..self.clone()
        }
    }

    /// The credential itself.
    pub(crate) fn key(&self) -> &str {
        self.key.as_deref().expect("this client has a key")
    }

    /// Where the server is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// A request with the credential.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .timeout(SHORT);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Whatever comes back, or why nothing did.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer {
            status,
            headers,
            text,
            body,
        })
    }

    /// Whatever comes back of a GET, or why nothing did.
    pub(crate) async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Whatever comes back of a GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_get(path)
            .await
            .unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// A command, not sent yet.
    pub(crate) fn prepare(&self, name: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, &format!("/v1/commands/{name}"))
            .json(body)
    }

    /// Whatever comes back of a command.
    pub(crate) async fn command(&self, name: &str, body: Value) -> Answer {
        let answer = self.send(self.prepare(name, &body)).await;
        answer.unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    /// Whatever comes back of a command under an idempotency key, or why nothing did.
    pub(crate) async fn once(&self, key: &str, name: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.send(self.prepare(name, body).header("Idempotency-Key", key))
            .await
    }

    /// A document that must be there.
    pub(crate) async fn document(&self, view: &str, id: &str) -> Value {
        self.get(&format!("/v1/views/{view}/{id}")).await.ok().body
    }

    /// Every document that matches, newest first, over all pages.
    pub(crate) async fn list(&self, view: &str, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let page = self
                .get(&format!("/v1/views/{view}?limit=200{after}&{query}"))
                .await
                .ok()
                .body;
            all.extend(page["data"].as_array().expect("a page has data").iter().cloned());
            match page["next"].as_u64() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    /// Every event after the position, over all pages.
    pub(crate) async fn events(&self, after: u64) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map_or(after, position);
            let page = self
                .get(&format!("/v1/events?after={after}&limit=500"))
                .await
                .ok();
            let events = page.body.as_array().expect("a batch of events is an array");
            if events.is_empty() {
                return all;
            }
            all.extend(events.iter().cloned());
        }
    }

    /// Position of the last event this credential may see.
    pub(crate) async fn last_position(&self) -> u64 {
        self.events(0).await.last().map_or(0, position)
    }

    /// Follows the events after the position.
    pub(crate) async fn follow(&self, after: u64) -> EventStream {
        EventStream::open(self, &format!("/v1/events/stream?after={after}"), None).await
    }

    /// Follows the events as a browser does that was cut off after `last_event_id`.
    pub(crate) async fn follow_again(&self, last_event_id: &str) -> EventStream {
        EventStream::open(self, "/v1/events/stream", Some(last_event_id)).await
    }

    /// The same, trying again while the server cannot.
    pub(crate) async fn reconnect(&self, last_event_id: &str) -> EventStream {
        let started = Instant::now();
        loop {
            match EventStream::try_open(self, "/v1/events/stream", Some(last_event_id)).await {
                Ok(stream) => return stream,
                Err(reason) => assert!(started.elapsed() < LONG, "the feed cannot be opened: {reason}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The event's place in the log.
fn position(event: &Value) -> u64 {
    event["position"].as_u64().expect("an event has a position")
}

impl Answer {
    /// The answer, if it is a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self
    }

    /// The answer, if it is a problem document of that status and code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        self.is_problem_document();
        self
    }

    /// Whether it has all that RFC 9457 and section 8 of the design ask for.
    #[track_caller]
    pub(crate) fn is_problem_document(&self) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text
        );
        assert_eq!(
            self.body["status"].as_u64(),
            Some(u64::from(self.status)),
            "{}",
            self.text
        );
        for field in ["type", "title", "code", "detail", "request_id"] {
            assert!(
                self.body[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field}: {}",
                self.text
            );
        }
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Id of the aggregate a command was about.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        self.body["aggregate"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {}", self.text))
            .to_owned()
    }

    /// Position that a read after this command has reached.
    #[track_caller]
    pub(crate) fn position(&self) -> u64 {
        self.body["position"]
            .as_u64()
            .unwrap_or_else(|| panic!("no position: {}", self.text))
    }
}

/// A client without an installed provider panics, and each test is a process of its own.
fn install_crypto() {
    // Only the first of a process gets in, which is all that is needed.
    rustls::crypto::ring::default_provider().install_default().ok();
}
