//! A small client of the native API, for the operator's commands.

use anyhow::{Context, Result, bail};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{config::Config, exit::Failure, keys};

/// Talks to a running server as the operator.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: Zeroizing<String>,
}

impl Client {
    /// A client of the server at `url`, else at the configured address.
    pub(crate) fn new(config: &Config, url: Option<&str>) -> Result<Self> {
        let base = url.map_or_else(|| format!("http://{}", config.listen), ToOwned::to_owned);
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            base: base.trim_end_matches('/').to_owned(),
            key: keys::operator_key(config)?,
        })
    }

    /// A request with the operator's credential.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&*self.key)
    }

    /// Sends a command.
    pub(crate) async fn command(&self, name: &str, body: &Value) -> Result<Value> {
        self.json(
            self.request(Method::POST, &format!("/v1/commands/{name}"))
                .json(body),
        )
        .await
    }

    /// Reads a JSON answer.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.json(self.request(Method::GET, path)).await
    }

    /// Sends a request and reads its JSON answer, or its problem.
    pub(crate) async fn json(&self, request: RequestBuilder) -> Result<Value> {
        let answer = self.send(request).await?;
        answer.json().await.context("the server's answer is not JSON")
    }

    /// Sends a request; anything but success is told with the server's own words.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response> {
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::Unreachable(format!("{}: {}", self.base, root_cause(&error))))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let problem: Value = answer.json().await.unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no detail");
        let code = problem["code"].as_str().unwrap_or("unknown");
        if status == StatusCode::UNAUTHORIZED {
            bail!("the server does not accept this operator key");
        }
        bail!("{status} {code}: {detail}")
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
