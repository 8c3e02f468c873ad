//! HTTP as both providers speak it: post JSON, get server-sent events, or an error in one of many forms.

use std::{sync::OnceLock, time::Duration};

use async_stream::try_stream;
use bytes::Bytes;
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures::{Stream, StreamExt, stream::BoxStream};
use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::{ModelConfig, ModelError, config::ApiKey};

/// A reply's bytes, with everything around its text; more is no reply.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
/// As much of an error body is read.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Server-sent events of one reply.
pub(crate) type Events = BoxStream<'static, Result<Event, ModelError>>;

/// The connections to providers, shared by all agents.
#[derive(Debug)]
pub(crate) struct Http {
    /// Built at first use: a server that asks no provider needs no root certificates.
    client: OnceLock<Result<Client, String>>,
    connect: Duration,
    idle: Duration,
    whole: Duration,
}

impl Http {
    pub(crate) fn new(config: &ModelConfig) -> Self {
        Self {
            client: OnceLock::new(),
            connect: Duration::from_secs(config.connect_timeout_s),
            idle: Duration::from_secs(config.idle_timeout_s),
            whole: Duration::from_secs(config.reply_timeout_s),
        }
    }

    /// Posts `body` and returns the events of the answer. Texts of errors are free of `key`.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: &Value,
        key: &ApiKey,
    ) -> Result<Events, ModelError> {
        let deadline = Instant::now() + self.whole;
        let request = self
            .client()?
            .post(url)
            .headers(headers)
            .header(ACCEPT, "text/event-stream")
            .json(body);
        let response = match timeout(self.idle, request.send()).await {
            Err(_) => return Err(ModelError::Silent(self.idle.as_secs())),
            Ok(Err(error)) => return Err(ModelError::Unreachable(key.redact(&causes(error)))),
            Ok(Ok(response)) => response,
        };
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response, key).await);
        }
        self.require_events(response, key)
            .await
            .map(|response| self.events(response, deadline, key.clone()))
    }

    fn client(&self) -> Result<&Client, ModelError> {
        let client = self.client.get_or_init(|| {
            if rustls::crypto::ring::default_provider()
                .install_default()
                .is_err()
            {
                tracing::trace!("a TLS provider is installed already");
            }
            Client::builder()
                .connect_timeout(self.connect)
                .redirect(redirect::Policy::none())
                .user_agent(concat!("reef/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(causes)
        });
        client
            .as_ref()
            .map_err(|error| ModelError::Misconfigured(error.clone()))
    }

    async fn require_events(&self, response: Response, key: &ApiKey) -> Result<Response, ModelError> {
        let form = content_type(&response);
        if form.is_empty() || form == "text/event-stream" {
            return Ok(response);
        }
        let said = explanation(&form, &self.beginning(response).await);
        Err(ModelError::Unusable(key.redact(&format!(
            "{form} instead of an event stream: {}",
            said.message
        ))))
    }

    async fn refusal(&self, response: Response, key: &ApiKey) -> ModelError {
        let (status, form) = (response.status(), content_type(&response));
        let retry_after_s = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let said = explanation(&form, &self.beginning(response).await);
        let (status, message) = (status.as_u16(), key.redact(&said.message));
        let passes = matches!(status, 408 | 429 | 500..) && !said.is_final();
        if passes {
            ModelError::Busy {
                status,
                message,
                retry_after_s,
            }
        } else {
            ModelError::Refused { status, message }
        }
    }

    /// The beginning of an error's body, as far as it comes.
    async fn beginning(&self, response: Response) -> String {
        let (mut read, mut body) = (Vec::new(), response.bytes_stream());
        while let Ok(Some(Ok(chunk))) = timeout(self.idle, body.next()).await {
            read.extend_from_slice(&chunk);
            if read.len() >= MAX_ERROR_BYTES {
                break;
            }
        }
        read.truncate(MAX_ERROR_BYTES);
        String::from_utf8_lossy(&read).into_owned()
    }

    fn events(&self, response: Response, deadline: Instant, key: ApiKey) -> Events {
        let events = self.watched(response, deadline, key).eventsource();
        events
            .map(|event| {
                event.map_err(|error| match error {
                    EventStreamError::Transport(error) => error,
                    EventStreamError::Utf8(_) => broken_off("it is not UTF-8"),
                    EventStreamError::Parser(_) => broken_off("it is not an event stream"),
                })
            })
            .boxed()
    }

    /// The body's bytes, for as long as they come in time, and a blank line, which ends an event that the
    /// server forgot to end.
    fn watched(
        &self,
        response: Response,
        deadline: Instant,
        key: ApiKey,
    ) -> impl Stream<Item = Result<Bytes, ModelError>> + Send + use<> {
        let (idle, whole) = (self.idle, self.whole);
        try_stream! {
            let (mut read, mut body) = (0, response.bytes_stream());
            loop {
                let patience = deadline.min(Instant::now() + idle);
                let next = timeout_at(patience, body.next()).await.map_err(|_| {
                    let late = patience == deadline;
                    if late { ModelError::TooSlow(whole.as_secs()) } else { ModelError::Silent(idle.as_secs()) }
                })?;
                let Some(chunk) = next else { break };
                let chunk = chunk.map_err(|error| broken_off(&key.redact(&causes(error))))?;
                read += chunk.len();
                if read > MAX_BODY_BYTES {
                    Err(ModelError::Unusable("a reply of more than 16 MiB".to_owned()))?;
                }
                yield chunk;
            }
            yield Bytes::from_static(b"\n\n");
        }
    }
}

/// A header that is left out of logs and traces.
pub(crate) fn secret_header(text: &str) -> Result<HeaderValue, ModelError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        ModelError::Misconfigured("the API key holds characters no header can carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn broken_off(message: &str) -> ModelError {
    ModelError::BrokenOff {
        message: message.to_owned(),
        transient: true,
    }
}

/// What a provider says about an error.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Explanation {
    pub(crate) message: String,
    /// Its code and type, for machines.
    pub(crate) codes: Vec<String>,
}

impl Explanation {
    /// Reads `{"message", "code", "type"}`, or a plain text.
    pub(crate) fn of(error: &Value) -> Self {
        let text = |field: &str| match error.get(field) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
        };
        let message = error.as_str().map(str::to_owned).or_else(|| text("message"));
        Self {
            message: message.unwrap_or_else(|| error.to_string()),
            codes: ["code", "type"].into_iter().filter_map(text).collect(),
        }
    }

    /// Out of quota is told like a rate limit, but does not pass.
    fn is_final(&self) -> bool {
        self.codes
            .iter()
            .any(|code| matches!(code.as_str(), "insufficient_quota" | "billing_hard_limit_reached"))
    }

    /// The error of a reply that had begun.
    pub(crate) fn broken_off(&self, key: &ApiKey) -> ModelError {
        let passes = |code: &String| {
            matches!(
                code.as_str(),
                "overloaded_error"
                    | "rate_limit_error"
                    | "api_error"
                    | "timeout_error"
                    | "server_error"
                    | "429"
            ) || (code.len() == 3 && code.starts_with('5'))
        };
        let transient = !self.is_final() && self.codes.iter().any(passes);
        ModelError::BrokenOff {
            message: key.redact(&self.message),
            transient,
        }
    }
}

fn explanation(form: &str, body: &str) -> Explanation {
    if let Ok(Value::Object(json)) = serde_json::from_str::<Value>(body) {
        let json = Value::Object(json);
        return Explanation::of(
            json.get("error")
                .filter(|error| !error.is_null())
                .unwrap_or(&json),
        );
    }
    let message = match form {
        "text/html" => "an HTML page".to_owned(),
        _ if body.trim().is_empty() => "no explanation".to_owned(),
        _ => body.to_owned(),
    };
    Explanation {
        message,
        codes: Vec::new(),
    }
}

/// Media type without parameters, in lower case; empty if there is none.
fn content_type(response: &Response) -> String {
    let value = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// An error with what led to it, and without the URL.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
