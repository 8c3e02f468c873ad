//! The event feed as a client hears it, parsed by a library that is not ours.

use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures::{Stream, StreamExt as _};
use reqwest::Method;
use serde_json::Value;

use super::{Client, wait::LONG};

type Parsed = Result<eventsource_stream::Event, String>;

/// One event as it came over the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

impl Heard {
    /// The id, which is the position.
    pub(crate) fn position(&self) -> u64 {
        self.id.parse().expect("the id is a position")
    }
}

/// An open feed.
pub(crate) struct EventStream(std::pin::Pin<Box<dyn Stream<Item = Parsed> + Send>>);

impl EventStream {
    /// Opens a stream of events; panics unless the server agrees.
    pub(crate) async fn open(client: &Client, path: &str, last_event_id: Option<&str>) -> Self {
        let opened = Self::try_open(client, path, last_event_id).await;
        opened.unwrap_or_else(|reason| panic!("GET {path}: {reason}"))
    }

    /// Opens a stream of events, or tells why it is not.
    pub(crate) async fn try_open(
        client: &Client,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Self, String> {
        let mut request = client
            .request(Method::GET, path)
            .timeout(Duration::from_mins(10))
            .header("Accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
        if !answer.status().is_success() {
            return Err(format!(
                "{}: {}",
                answer.status(),
                answer.text().await.unwrap_or_default()
            ));
        }
        Ok(Self::read(answer).await)
    }

    /// Reads an answer that is a stream of events.
    pub(crate) async fn read(answer: reqwest::Response) -> Self {
        let status = answer.status();
        assert!(
            status.is_success(),
            "{status}: {}",
            answer.text().await.unwrap_or_default()
        );
        let kind = answer.headers()["content-type"]
            .to_str()
            .expect("a content type is text");
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let parsed = answer.bytes_stream().eventsource();
        Self(Box::pin(
            parsed.map(|event| event.map_err(|error| error.to_string())),
        ))
    }

    /// The next event; `None` once the server has ended the stream, or was killed.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        let next = tokio::time::timeout(LONG, self.0.next()).await;
        let event = next.expect("an event within the deadline")?.ok()?;
        let data = serde_json::from_str(&event.data).unwrap_or(Value::String(event.data));
        Some(Heard {
            id: event.id,
            kind: event.event,
            data,
        })
    }

    /// Everything up to and including the event at this position.
    pub(crate) async fn up_to(&mut self, position: u64) -> Vec<Heard> {
        self.until(|event| event.position() >= position).await
    }

    /// Everything up to and including the first event that is the last.
    pub(crate) async fn until(&mut self, mut is_last: impl FnMut(&Heard) -> bool) -> Vec<Heard> {
        let mut heard: Vec<Heard> = Vec::new();
        while heard.last().is_none_or(|last| !is_last(last)) {
            let after = heard.last().map_or("the beginning", |last| last.id.as_str());
            let next = self.next().await;
            let next = next.unwrap_or_else(|| panic!("the stream ended after {after}"));
            heard.push(next);
        }
        heard
    }

    /// Everything until the server ends the stream.
    pub(crate) async fn until_the_end(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(event) = self.next().await {
            heard.push(event);
        }
        heard
    }
}
