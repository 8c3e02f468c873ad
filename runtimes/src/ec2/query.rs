//! EC2's query protocol: a form goes there, XML comes back (API version 2016-11-15).

use std::sync::Arc;

use reqwest::Url;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    error::{AwsError, beginning},
    wire::{Call, Wire},
};

const SERVICE: &str = "ec2";
const VERSION: &str = "2016-11-15";
/// Codes that say our keys are no longer good.
const EXPIRED: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "AuthFailure",
];

/// Parameters of a request, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// With it, if there is one.
    pub(super) fn maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// `Filter.<number>.Name` with its values.
    pub(super) fn filter(self, number: usize, name: &str, values: &[&str]) -> Self {
        let named = self.with(format!("Filter.{number}.Name"), name);
        values.iter().enumerate().fold(named, |form, (at, value)| {
            form.with(format!("Filter.{number}.Value.{}", at + 1), *value)
        })
    }

    /// Tags for what is made: `TagSpecification.<number>`.
    pub(super) fn tags(self, number: usize, resource: &str, tags: &[(&str, String)]) -> Self {
        let at = format!("TagSpecification.{number}");
        let typed = self.with(format!("{at}.ResourceType"), resource);
        tags.iter()
            .enumerate()
            .fold(typed, |form, (index, (key, value))| {
                let tag = format!("{at}.Tag.{}", index + 1);
                form.with(format!("{tag}.Key"), *key)
                    .with(format!("{tag}.Value"), value)
            })
    }

    fn encoded(&self, action: &str) -> String {
        let head = [("Action", action), ("Version", VERSION)];
        let rest = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = head.into_iter().chain(rest);
        let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Everything but what RFC 3986 leaves alone, percent-encoded.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// A list as EC2 writes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Items<T> {
    #[serde(rename = "item", default = "Vec::new")]
    pub(super) items: Vec<T>,
}

/// EC2 in one region.
pub(super) struct Query {
    wire: Arc<Wire>,
    url: Url,
}

impl Query {
    pub(super) fn new(wire: Arc<Wire>, url: Url) -> Self {
        Self { wire, url }
    }

    /// Has EC2 do that; what it answered.
    pub(super) async fn ask<T: DeserializeOwned>(&self, action: &str, form: &Form) -> Result<T, AwsError> {
        let call = Call {
            service: SERVICE,
            content_type: "application/x-www-form-urlencoded; charset=utf-8",
            target: None,
            body: form.encoded(action),
        };
        let answer = self.wire.send(&self.url, &call).await?;
        if answer.status == 200 {
            return quick_xml::de::from_str(&answer.text).map_err(|error| AwsError::Unusable {
                service: SERVICE,
                reason: beginning(&format!("{action}: {error}")),
            });
        }
        let refusal = refusal(answer.status, &answer.text);
        if refusal.is(EXPIRED) {
            self.wire.forget_credentials().await;
        }
        Err(refusal)
    }

    /// Has EC2 do that; it answers with nothing of interest.
    pub(super) async fn tell(&self, action: &str, form: &Form) -> Result<(), AwsError> {
        self.ask::<Done>(action, form).await.map(drop)
    }
}

/// Any answer that names its request.
#[derive(Deserialize)]
struct Done {
    #[serde(rename = "requestId", alias = "RequestId")]
    _request_id: String,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    #[serde(rename = "Errors")]
    errors: Errors,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(rename = "Error")]
    error: Vec<ErrorItem>,
}

#[derive(Deserialize)]
struct ErrorItem {
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}

fn refusal(status: u16, text: &str) -> AwsError {
    let said = quick_xml::de::from_str::<ErrorAnswer>(text).ok();
    let first = said.and_then(|said| said.errors.error.into_iter().next());
    let (code, message) = match first {
        Some(error) => (error.code, beginning(&error.message)),
        None => ("no code".to_owned(), beginning(text)),
    };
    AwsError::Refused {
        service: SERVICE,
        status,
        code,
        message,
    }
}

#[cfg(test)]
mod tests;
