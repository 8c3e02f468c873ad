//! Services outside, as far as they are configured.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use reef_commands::{
    Gateways,
    ports::{AccountTokens, Clock, Mail, Payments, SessionTokens, WebhookSender},
};
use reef_gateways::{
    identity::SessionIssuers,
    mail::{LoggedMail, Smtp, SmtpConfig},
    stripe::{Stripe, StripeConfig},
    tokens::OwnTokens,
    webhook::{WebhookPoster, WebhookRules},
};

use crate::{config::Config, keys::Keys};

const DAY: Duration = Duration::from_hours(24);

/// All of them.
pub(crate) fn gateways(config: &Config, keys: &Keys, clock: &Arc<dyn Clock>) -> Result<Gateways> {
    Ok(Gateways {
        tokens: tokens(config, clock)?,
        payments: payments(config, clock)?,
        webhooks: Some(webhooks(config)?),
        own_tokens: Some(own_tokens(config, keys, clock)?),
        mail: mail(config)?,
    })
}

fn tokens(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn SessionTokens>>> {
    if config.session_issuers.is_empty() {
        return Ok(None);
    }
    let issuers = SessionIssuers::new(config.session_issuers.clone(), Arc::clone(clock));
    Ok(Some(Arc::new(issuers.context("session_issuers")?)))
}

fn payments(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn Payments>>> {
    match (&config.stripe_secret_key, &config.stripe_webhook_secret) {
        (None, None) => Ok(None),
        (Some(key), Some(webhook)) => {
            let account =
                StripeConfig::new(key, webhook, config.stripe_base_url.as_deref()).context("stripe")?;
            let stripe = Stripe::new(account, Arc::clone(clock)).context("stripe")?;
            Ok(Some(Arc::new(stripe)))
        }
        (Some(_), None) => anyhow::bail!("stripe_webhook_secret is missing: nothing would tell of payments"),
        (None, Some(_)) => anyhow::bail!("stripe_secret_key is missing"),
    }
}

/// Sends webhooks where the operator allows.
fn webhooks(config: &Config) -> Result<Arc<dyn WebhookSender>> {
    let rules = WebhookRules::new(
        &config.webhook_allowed_cidrs,
        config.webhook_allow_http,
        config.webhook_ports.clone(),
    );
    let mut rules = rules.context("webhook_allowed_cidrs")?;
    if let Some(pem) = authorities("webhook_ca_file", config.webhook_ca_file.as_deref())? {
        rules = rules.trusting(&pem).context("webhook_ca_file")?;
    }
    let poster = WebhookPoster::new(rules);
    Ok(Arc::new(poster.map_err(|error| {
        anyhow::anyhow!("webhooks, webhook_ca_file: {error}")
    })?))
}

/// What is in the file that is configured under that name.
fn authorities(name: &str, path: Option<&Path>) -> Result<Option<Vec<u8>>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("{name} {}", path.display()));
    path.map(read).transpose()
}

fn own_tokens(config: &Config, keys: &Keys, clock: &Arc<dyn Clock>) -> Result<Arc<dyn AccountTokens>> {
    anyhow::ensure!(config.token_days > 0, "token_days is 0: no token would work");
    let life = DAY * config.token_days;
    Ok(Arc::new(OwnTokens::new(&keys.token, life, Arc::clone(clock))))
}

fn mail(config: &Config) -> Result<Option<Arc<dyn Mail>>> {
    match (&config.smtp_url, &config.smtp_from) {
        (Some(_), _) if config.log_login_codes => {
            anyhow::bail!("smtp_url and log_login_codes exclude each other")
        }
        (None, None) if config.log_login_codes => {
            tracing::warn!("login codes are written to this log: log_login_codes is on");
            Ok(Some(Arc::new(LoggedMail)))
        }
        (None, _) => Ok(None),
        (Some(url), Some(from)) => {
            let ca = authorities("smtp_ca_file", config.smtp_ca_file.as_deref())?;
            let smtp = SmtpConfig::new(url, from, ca)?;
            Ok(Some(Arc::new(Smtp::new(&smtp)?)))
        }
        (Some(_), None) => anyhow::bail!("smtp_from is missing: nobody would know who writes"),
    }
}
