//! Makes the POST of one try from the log.

mod thermidora;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use reef_domain::{
    Envelope, VaultRef, WebhookId,
    webhook::{Webhook, WebhookForm},
};

use super::schedule::time_limit;
use crate::{
    Services, cloud_event,
    ports::{DeliveryId, WebhookPost},
    webhook::{WebhookMessage, WebhookSecret, sign, signing_secrets},
};

/// Webhooks whose secrets are kept at hand.
const AT_HAND: usize = 10_000;

type Secrets = Arc<(Vec<VaultRef>, Vec<WebhookSecret>)>;

/// Makes POSTs.
pub(super) struct Composer {
    services: Services,
    secrets: Cache<WebhookId, Secrets>,
}

/// Why there is no POST.
#[derive(Debug)]
pub(super) enum Unmade {
    /// There never will be one.
    ForGood(String),
    /// There may be one later.
    ForNow(String),
}

impl Composer {
    pub(super) fn new(services: Services) -> Self {
        Self {
            services,
            secrets: Cache::new(AT_HAND),
        }
    }

    /// The POST of one try at that time.
    pub(super) async fn post(
        &self,
        webhook: &Webhook,
        envelope: &Envelope,
        at: DateTime<Utc>,
    ) -> Result<WebhookPost, Unmade> {
        let Some(id) = &webhook.webhook_id else {
            return Err(Unmade::ForGood("there is no such webhook".to_owned()));
        };
        if webhook.account_id.is_none() || webhook.account_id != envelope.account_id {
            return Err(Unmade::ForGood(
                "not an event of the webhook's account".to_owned(),
            ));
        }
        let secrets = self.secrets(id, webhook, at).await?;
        let message = self.message(id, webhook, envelope).await?;
        let headers = sign(webhook.form, id, &message, &secrets.1, at);
        Ok(WebhookPost {
            url: webhook.url.as_str().into(),
            headers,
            body: message.body,
            time_limit: time_limit(webhook.form),
        })
    }

    async fn secrets(&self, id: &WebhookId, webhook: &Webhook, at: DateTime<Utc>) -> Result<Secrets, Unmade> {
        let refs = webhook.signing_refs(at);
        if let Some(known) = self.secrets.get(id).filter(|known| known.0 == refs) {
            return Ok(known);
        }
        let found = signing_secrets(&self.services, webhook, at)
            .await
            .map_err(|error| Unmade::ForNow(format!("its secret cannot be read: {error}")))?;
        if found.is_empty() {
            return Err(Unmade::ForNow("its secret is not there".to_owned()));
        }
        let complete = found.len() == refs.len();
        let secrets = Arc::new((refs, found));
        if complete {
            self.secrets.insert(id.clone(), Arc::clone(&secrets));
        }
        Ok(secrets)
    }
}

impl Composer {
    async fn message(
        &self,
        id: &WebhookId,
        webhook: &Webhook,
        envelope: &Envelope,
    ) -> Result<WebhookMessage, Unmade> {
        let delivery = DeliveryId {
            webhook_id: id.clone(),
            position: envelope.position,
        };
        let (event, body) = match webhook.form {
            WebhookForm::Native => {
                let mut body = String::new();
                cloud_event::write(envelope, &mut body);
                (envelope.event.event_type(), body)
            }
            WebhookForm::Thermidora => thermidora::message(&*self.services.vault, webhook, envelope).await?,
        };
        Ok(WebhookMessage {
            id: delivery.to_string(),
            event: event.to_owned(),
            body,
        })
    }
}
