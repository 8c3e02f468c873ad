//! Which mail server, and as whom.

use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

/// How the connection is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything is said, by STARTTLS.
    StartTls,
    /// Not at all.
    Plain,
}

/// A mail server, checked.
#[derive(Clone)]
pub struct SmtpConfig {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<(String, Zeroizing<String>)>,
    pub(super) from: Mailbox,
    pub(super) ca_pem: Option<Vec<u8>>,
}

/// What is wrong with it. Holds nothing of the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpConfigError {
    /// The address of the server is not one.
    #[error("smtp_url is not smtps://, smtp:// or smtp+plain://, with a host")]
    Url,
    /// A name without a password, or the other way round.
    #[error("smtp_url has a user without a password, or a password without a user")]
    Credentials,
    /// The sender is no address.
    #[error("smtp_from is no e-mail address")]
    From,
    /// The certificate cannot be used.
    #[error("smtp_ca_file cannot be used: {0}")]
    Certificate(String),
}

impl SmtpConfig {
    /// `smtps://user:password@host:port`, or `smtp://`, or `smtp+plain://`; who letters are from; and, as PEM, the
    /// certificate of an authority that is trusted besides the usual ones.
    pub fn new(url: &str, from: &str, ca_pem: Option<Vec<u8>>) -> Result<Self, SmtpConfigError> {
        let url = Url::parse(url).map_err(|_| SmtpConfigError::Url)?;
        let (security, usual_port) = match url.scheme() {
            "smtps" => (Security::Tls, 465),
            "smtp" => (Security::StartTls, 587),
            "smtp+plain" => (Security::Plain, 25),
            _ => return Err(SmtpConfigError::Url),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(SmtpConfigError::Url)?.to_owned();
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(std::borrow::Cow::into_owned)
                .map_err(|_| SmtpConfigError::Credentials)
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(SmtpConfigError::Credentials),
            (user, Some(password)) => Some((decoded(user)?, Zeroizing::new(decoded(password)?))),
        };
        let holds = |pem: &Vec<u8>| String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----");
        if ca_pem.as_ref().is_some_and(|pem| !holds(pem)) {
            return Err(SmtpConfigError::Certificate("it holds none".to_owned()));
        }
        Ok(Self {
            host,
            port: url.port().unwrap_or(usual_port),
            security,
            credentials,
            from: from.parse().map_err(|_| SmtpConfigError::From)?,
            ca_pem,
        })
    }
}
