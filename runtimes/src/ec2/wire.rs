//! One signed request to AWS and its answer, as EC2's query protocol and SSM's JSON protocol share it.

use std::{sync::Arc, sync::OnceLock, time::Duration};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use reef_commands::ports::Clock;
use reqwest::{Client, ClientBuilder, Response, Url, redirect};

use super::{
    credentials::CredentialCache,
    error::{AwsError, beginning},
};
use crate::model::http::causes;

/// More than any answer we ask for.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A request to a service.
pub(super) struct Call {
    /// As signatures name it.
    pub(super) service: &'static str,
    pub(super) content_type: &'static str,
    /// Operation of the JSON protocol.
    pub(super) target: Option<String>,
    pub(super) body: String,
}

/// What came back: status and text.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

/// Signs and sends.
pub(super) struct Wire {
    region: String,
    credentials: CredentialCache,
    clock: Arc<dyn Clock>,
    patience: Duration,
    client: OnceLock<Result<Client, String>>,
    /// For the services that lend keys: they are link-local, and no proxy is to see what they say.
    direct: OnceLock<Result<Client, String>>,
}

impl Wire {
    pub(super) fn new(
        region: &str,
        credentials: CredentialCache,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Self {
        Self {
            region: region.to_owned(),
            credentials,
            clock,
            patience,
            client: OnceLock::new(),
            direct: OnceLock::new(),
        }
    }

    /// Sends it once. A refusal is an answer like any other; the protocols know how theirs look.
    pub(super) async fn send(&self, url: &Url, call: &Call) -> Result<Answer, AwsError> {
        let service = call.service;
        let http = client(&self.client, Client::builder)?;
        let direct = client(&self.direct, || Client::builder().no_proxy())?;
        let now = self.clock.now();
        let credentials = self.credentials.get(direct, now).await?;
        let mut request = http.post(url.clone()).body(call.body.clone());
        for (name, value) in signed_headers(url, &self.region, call, &credentials, now)? {
            request = request.header(name, value);
        }
        let answer = async {
            let response = request.send().await.map_err(|error| AwsError::Unreachable {
                service,
                reason: beginning(&causes(error)),
            })?;
            let status = response.status().as_u16();
            Ok(Answer {
                status,
                text: whole(service, response).await?,
            })
        };
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(AwsError::Silent {
                service,
                seconds: self.patience.as_secs(),
            }),
        }
    }

    /// Told that keys have run out: lent ones are fetched anew for the next request.
    pub(super) async fn forget_credentials(&self) {
        self.credentials.forget().await;
    }
}

fn client(
    kept: &OnceLock<Result<Client, String>>,
    builder: fn() -> ClientBuilder,
) -> Result<&Client, AwsError> {
    let client = kept.get_or_init(|| {
        if rustls::crypto::ring::default_provider()
            .install_default()
            .is_err()
        {
            tracing::trace!("a TLS provider is installed already");
        }
        builder()
            .connect_timeout(Duration::from_secs(5))
            .redirect(redirect::Policy::none())
            .user_agent(concat!("reef/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(causes)
    });
    client.as_ref().map_err(|reason| AwsError::Unreachable {
        service: "aws",
        reason: reason.clone(),
    })
}

/// Every header the request needs, the signature's among them.
fn signed_headers(
    url: &Url,
    region: &str,
    call: &Call,
    credentials: &Credentials,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String)>, AwsError> {
    let unusable = |reason: String| AwsError::Unusable {
        service: call.service,
        reason,
    };
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(call.service)
        .time(now.into())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unusable(error.to_string()))?
        .into();
    let mut headers = vec![("content-type".to_owned(), call.content_type.to_owned())];
    if let Some(target) = &call.target {
        headers.push(("x-amz-target".to_owned(), target.clone()));
    }
    let borrowed = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(call.body.as_bytes());
    let signable = SignableRequest::new("POST", url.as_str(), borrowed, body)
        .map_err(|error| unusable(error.to_string()))?;
    let (instructions, _) = sign(signable, &parameters)
        .map_err(|error| unusable(error.to_string()))?
        .into_parts();
    let signature = instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    headers.extend(signature.collect::<Vec<_>>());
    Ok(headers)
}

async fn whole(service: &'static str, response: Response) -> Result<String, AwsError> {
    let (mut read, mut body) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| AwsError::Unreachable {
            service,
            reason: beginning(&causes(error)),
        })?;
        read.extend_from_slice(&chunk);
        if read.len() > MAX_ANSWER_BYTES {
            return Err(AwsError::Unusable {
                service,
                reason: "it is longer than 4 MiB".to_owned(),
            });
        }
    }
    String::from_utf8(read).map_err(|_| AwsError::Unusable {
        service,
        reason: "it is not UTF-8".to_owned(),
    })
}

#[cfg(test)]
mod tests;
