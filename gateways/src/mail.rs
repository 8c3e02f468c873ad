//! Mail by SMTP, through the one server that is configured.
//!
//! `smtps://` is TLS from the first byte, `smtp://` becomes TLS by STARTTLS or is given up: neither name nor password
//! nor a letter is sent in clear. Only `smtp+plain://` is: it is meant for a relay on the same machine.

mod config;
mod log;

use std::time::Duration;

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use reef_commands::ports::{EffectToken, Letter, Mail, MailError};

pub use config::{SmtpConfig, SmtpConfigError};
pub use log::LoggedMail;

/// Longest wait for each answer of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Letters through that server. Nothing is sent before the first letter.
    pub fn new(config: &SmtpConfig) -> Result<Self, SmtpConfigError> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .timeout(Some(PATIENCE))
            .tls(tls(config)?);
        if let Some((user, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        Ok(Self {
            transport: builder.build(),
            from: config.from.clone(),
        })
    }
}

fn tls(config: &SmtpConfig) -> Result<Tls, SmtpConfigError> {
    if config.security == config::Security::Plain {
        return Ok(Tls::None);
    }
    let broken = |error: lettre::transport::smtp::Error| SmtpConfigError::Certificate(error.to_string());
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(pem) = &config.ca_pem {
        parameters = parameters.add_root_certificate(Certificate::from_pem(pem).map_err(broken)?);
    }
    let parameters = parameters.build_rustls().map_err(broken)?;
    Ok(match config.security {
        config::Security::Tls => Tls::Wrapper(parameters),
        config::Security::StartTls | config::Security::Plain => Tls::Required(parameters),
    })
}

#[async_trait]
impl Mail for Smtp {
    async fn send(&self, letter: &Letter, token: &EffectToken) -> Result<(), MailError> {
        let message = message(&self.from, letter, token)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// The letter as it goes to the server.
fn message(from: &Mailbox, letter: &Letter, token: &EffectToken) -> Result<Message, MailError> {
    // An address that our own check let through may still be none to a mail server.
    let to = letter
        .to
        .parse()
        .map_err(|_| MailError::Permanent("the address is not one".to_owned()))?;
    let id = format!("<{}@{}>", token.0, from.email.domain());
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&letter.subject)
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.to_string())
        .map_err(|error| MailError::Permanent(error.to_string()))
}

/// What the server said, but not to whom: an answer often repeats the address.
fn failed(error: &lettre::transport::smtp::Error) -> MailError {
    match error.status() {
        Some(status) if error.is_permanent() => {
            MailError::Permanent(format!("the mail server says {status}"))
        }
        Some(status) => MailError::Transient(format!("the mail server says {status}")),
        None => MailError::Transient(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
