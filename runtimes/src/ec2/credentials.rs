//! What requests to AWS are signed with: configured keys, or those that ECS or the instance metadata
//! service hand to the server for a while.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use chrono::{DateTime, Utc};
use reqwest::{Client, Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::error::{AwsError, beginning};
use crate::model::http::causes;

/// Lent keys are replaced that long before they run out.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// The link-local services that lend keys answer at once or not at all.
const PATIENCE: Duration = Duration::from_secs(3);
const METADATA: &str = "http://169.254.169.254";
const ECS: &str = "http://169.254.170.2";

/// Where credentials come from.
#[derive(Clone)]
pub enum CredentialSource {
    /// Keys as configured, for good.
    Static {
        /// Access key id.
        access_key_id: String,
        /// Its secret.
        secret_access_key: Zeroizing<String>,
        /// Of temporary keys.
        session_token: Option<Zeroizing<String>>,
    },
    /// The endpoint that ECS and EKS give to containers.
    Container {
        /// Where to ask.
        uri: String,
        /// Value of the `Authorization` header.
        token: Option<Zeroizing<String>>,
        /// File that holds that value, read at each use.
        token_file: Option<String>,
    },
    /// The metadata service of the instance the server runs on (IMDSv2).
    Instance,
}

/// Keys are not shown.
impl std::fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Static { access_key_id, .. } => write!(f, "Static({access_key_id})"),
            Self::Container { uri, .. } => write!(f, "Container({uri})"),
            Self::Instance => f.write_str("Instance"),
        }
    }
}

impl CredentialSource {
    /// What the usual `AWS_*` variables name; without them the metadata service.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let secret = |name: &str| set(name).map(Zeroizing::new);
        if let (Some(access_key_id), Some(secret_access_key)) =
            (set("AWS_ACCESS_KEY_ID"), secret("AWS_SECRET_ACCESS_KEY"))
        {
            return Self::Static {
                access_key_id,
                secret_access_key,
                session_token: secret("AWS_SESSION_TOKEN"),
            };
        }
        let relative = set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{ECS}{path}"));
        match relative.or_else(|| set("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            Some(uri) => Self::Container {
                uri,
                token: secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
                token_file: set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            },
            None => Self::Instance,
        }
    }
}

/// Keys, fetched when they are needed and kept while they are good.
pub(super) struct CredentialCache {
    source: CredentialSource,
    metadata: String,
    lent: tokio::sync::Mutex<Option<Credentials>>,
}

impl CredentialCache {
    pub(super) fn new(source: CredentialSource) -> Self {
        Self::asking(source, METADATA.to_owned())
    }

    /// With the metadata service there.
    pub(super) fn asking(source: CredentialSource, metadata: String) -> Self {
        Self {
            source,
            metadata,
            lent: tokio::sync::Mutex::default(),
        }
    }

    /// Keys that are good at `now`.
    pub(super) async fn get(&self, http: &Client, now: DateTime<Utc>) -> Result<Credentials, AwsError> {
        if let CredentialSource::Static {
            access_key_id,
            secret_access_key,
            session_token,
        } = &self.source
        {
            let token = session_token.as_ref().map(|token| token.to_string());
            let secret = secret_access_key.to_string();
            return Ok(Credentials::new(access_key_id, secret, token, None, "reef"));
        }
        let mut lent = self.lent.lock().await;
        let until = SystemTime::from(now) + RENEW_BEFORE;
        if let Some(good) = lent
            .as_ref()
            .filter(|keys| keys.expiry().is_some_and(|expiry| expiry > until))
        {
            return Ok(good.clone());
        }
        let fetched = match &self.source {
            CredentialSource::Container {
                uri,
                token,
                token_file,
            } => lent_to_container(http, uri, token.as_ref(), token_file.as_deref()).await,
            CredentialSource::Instance | CredentialSource::Static { .. } => self.lent_by_role(http).await,
        }?;
        *lent = Some(fetched.clone());
        Ok(fetched)
    }

    /// Forgets lent keys: AWS said that they have run out.
    pub(super) async fn forget(&self) {
        *self.lent.lock().await = None;
    }

    async fn lent_by_role(&self, http: &Client) -> Result<Credentials, AwsError> {
        let base = format!("{}/latest", self.metadata);
        let token = http
            .put(format!("{base}/api/token"))
            .header("x-aws-ec2-metadata-token-ttl-seconds", "300");
        let token = text(token).await?;
        let read = |path: &str| {
            http.get(format!("{base}/meta-data/{path}"))
                .header("x-aws-ec2-metadata-token", &token)
        };
        let roles = text(read("iam/security-credentials/")).await?;
        let role = roles.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err(none("the instance has no role"));
        }
        keys(&text(read(&format!("iam/security-credentials/{role}"))).await?)
    }
}

async fn lent_to_container(
    http: &Client,
    uri: &str,
    token: Option<&Zeroizing<String>>,
    token_file: Option<&str>,
) -> Result<Credentials, AwsError> {
    let from_file = match token_file {
        Some(path) => Some(Zeroizing::new(
            std::fs::read_to_string(path).map_err(|error| none(&format!("{path}: {error}")))?,
        )),
        None => None,
    };
    let mut request = http.get(uri);
    if let Some(token) = from_file.as_ref().or(token) {
        request = request.header("authorization", token.trim());
    }
    keys(&text(request).await?)
}

/// As both services tell them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lent {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: DateTime<Utc>,
}

fn keys(body: &str) -> Result<Credentials, AwsError> {
    // Not the error's text: it may quote a key.
    let lent: Lent = serde_json::from_str(body).map_err(|_| none("what was lent is not a set of keys"))?;
    let expiry = lent.expiration.into();
    Ok(Credentials::new(
        lent.access_key_id,
        lent.secret_access_key,
        lent.token,
        Some(expiry),
        "reef",
    ))
}

async fn text(request: reqwest::RequestBuilder) -> Result<String, AwsError> {
    let answer = async {
        request
            .send()
            .await?
            .error_for_status()
            .map(Response::text)?
            .await
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(none(&beginning(&causes(error)))),
        Err(_) => Err(none("who should lend them does not answer")),
    }
}

fn none(reason: &str) -> AwsError {
    AwsError::NoCredentials {
        reason: format!("{reason}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run on a role"),
        passes: true,
    }
}

#[cfg(test)]
mod tests;
