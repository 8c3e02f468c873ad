//! Signatures and headers of a delivery. Pure.
//!
//! Standard Webhooks (<https://github.com/standard-webhooks/standard-webhooks>): the HMAC-SHA256 of
//! `<id>.<timestamp>.<body>` under the secret's bytes, `v1,` and base64, one signature per secret that is in
//! force. Thermidora's own header: the HMAC-SHA256 of the body in lower-case hexadecimal digits, under
//! the whole text of the newest secret, `whsec_` included.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use reef_domain::{WebhookId, webhook::WebhookForm};
use ring::hmac;

use super::{WebhookMessage, WebhookSecret};

/// A header of a delivery: its name in lower case, and its value.
pub type Header = (&'static str, String);

/// The headers of one try, signed at that time with these secrets, the newest first.
pub fn sign(
    form: WebhookForm,
    webhook: &WebhookId,
    message: &WebhookMessage,
    secrets: &[WebhookSecret],
    at: DateTime<Utc>,
) -> Vec<Header> {
    let mut headers = vec![
        ("content-type", content_type(form).to_owned()),
        ("webhook-id", message.id.clone()),
        ("webhook-timestamp", at.timestamp().to_string()),
        ("webhook-signature", standard(message, secrets, at)),
    ];
    match form {
        WebhookForm::Native => {}
        WebhookForm::Thermidora => {
            headers.extend(secrets.first().map(|secret| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
                let signature = hex::encode(hmac::sign(&key, message.body.as_bytes()));
                ("x-thermidora-signature", signature)
            }));
            headers.push(("x-thermidora-event", message.event.clone()));
            headers.push(("x-thermidora-webhook-id", webhook.to_string()));
        }
    }
    headers
}

fn content_type(form: WebhookForm) -> &'static str {
    match form {
        WebhookForm::Native => "application/cloudevents+json; charset=utf-8",
        WebhookForm::Thermidora => "application/json",
    }
}

fn standard(message: &WebhookMessage, secrets: &[WebhookSecret], at: DateTime<Utc>) -> String {
    let before = format!("{}.{}.", message.id, at.timestamp());
    let signatures = secrets.iter().filter_map(WebhookSecret::bytes).map(|bytes| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let mut signed = hmac::Context::with_key(&key);
        signed.update(before.as_bytes());
        signed.update(message.body.as_bytes());
        format!("v1,{}", STANDARD.encode(signed.sign()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn message() -> WebhookMessage {
        WebhookMessage {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
            event: "test".to_owned(),
            body: "{\"test\": 2432232314}".to_owned(),
        }
    }

    fn headers(form: WebhookForm, secrets: &[&str]) -> Vec<Header> {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|text| WebhookSecret::parse(text).unwrap())
            .collect();
        let at = DateTime::from_timestamp(1_614_265_330, 900_000_000).unwrap();
        sign(form, &"wh_1".into(), &message(), &secrets, at)
    }

    fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
        let found = headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_vector_of_the_specification() {
        let headers = headers(WebhookForm::Native, &[SECRET]);
        assert_eq!(
            header(&headers, "webhook-id"),
            Some("msg_p5jXN8AQM9LWM0D4loKWxJek")
        );
        assert_eq!(header(&headers, "webhook-timestamp"), Some("1614265330"));
        assert_eq!(
            header(&headers, "webhook-signature"),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
        assert!(headers.iter().all(|(name, _)| !name.starts_with("x-thermidora")));
    }

    #[test]
    fn every_secret_signs_and_the_newest_comes_first() {
        let other = format!("whsec_{}", STANDARD.encode([7; 24]));
        let both = headers(WebhookForm::Native, &[&other, SECRET]);
        let signatures: Vec<_> = header(&both, "webhook-signature").unwrap().split(' ').collect();
        assert_eq!(signatures.len(), 2);
        assert_eq!(signatures[1], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(signatures[0], signatures[1]);
    }

    /// The value is what `openssl dgst -sha256 -hmac` says.
    #[test]
    fn thermidoras_signature_is_over_the_body_under_the_whole_secret() {
        let headers = headers(WebhookForm::Thermidora, &[SECRET]);
        assert_eq!(header(&headers, "x-thermidora-signature"), Some(THERMIDORA));
        assert_eq!(header(&headers, "x-thermidora-event"), Some("test"));
        assert_eq!(header(&headers, "x-thermidora-webhook-id"), Some("wh_1"));
        assert_eq!(header(&headers, "content-type"), Some("application/json"));
        assert!(header(&headers, "webhook-signature").is_some());
    }

    const THERMIDORA: &str = "80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c";
}
