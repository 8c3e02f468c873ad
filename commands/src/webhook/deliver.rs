//! Deliveries that somebody asks for.

use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::{
    AnyEvent, Envelope, RefusalKind, WebhookId,
    webhook::{Webhook, WebhookCommand, WebhookEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Audience, CommandError, Outcome, Unit, UseCase, ports::EventQuery};

/// Sends a test event, whatever the webhook is subscribed to and also when it is disabled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestWebhook {
    /// The webhook.
    pub webhook_id: WebhookId,
}

impl UseCase for TestWebhook {
    const NAME: &'static str = "TestWebhook";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Webhook>(&self.webhook_id).await?;
        let test_id: String = unit.new_id("test_");
        let test = WebhookCommand::Test {
            test_id: test_id.clone(),
        };
        unit.decide::<Webhook>(&self.webhook_id, test).await?;
        Ok(Outcome::of::<Webhook>(&self.webhook_id).showing(json!({ "test_id": test_id })))
    }
}

/// Delivers again everything that matches, from a position or a time up to now.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayWebhook {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The first position; this or `since` is needed.
    #[serde(default)]
    pub from: Option<u64>,
    /// The first time; this or `from` is needed.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

impl ReplayWebhook {
    async fn first(&self, unit: &Unit<'_>) -> Result<u64, CommandError> {
        match (self.from, self.since) {
            (Some(from), None) => Ok(from),
            (None, Some(since)) => {
                let before = since
                    .checked_sub_signed(TimeDelta::microseconds(1))
                    .unwrap_or(since);
                Ok(unit.services().log.position_at(before).await? + 1)
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(CommandError::malformed("from", "either from or since is needed"))
            }
        }
    }
}

impl UseCase for ReplayWebhook {
    const NAME: &'static str = "ReplayWebhook";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Webhook>(&self.webhook_id).await?;
        let from = self.first(unit).await?;
        let to = unit.services().log.head().await?.position;
        unit.decide::<Webhook>(&self.webhook_id, WebhookCommand::Replay { from, to })
            .await?;
        Ok(Outcome::of::<Webhook>(&self.webhook_id).showing(json!({ "from": from, "to": to })))
    }
}

/// Delivers one event again, also when the webhook is disabled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendWebhookDelivery {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Position of the event.
    pub position: u64,
}

impl UseCase for ResendWebhookDelivery {
    const NAME: &'static str = "ResendWebhookDelivery";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let webhook = unit.edit::<Webhook>(&self.webhook_id).await?;
        let query = EventQuery {
            after: self.position.saturating_sub(1),
            until: Some(self.position),
            limit: 1,
            account_id: webhook.account_id.clone(),
            ..EventQuery::default()
        };
        let log = &unit.services().log;
        let reached = (1..=log.head().await?.position).contains(&self.position);
        let found = if reached {
            log.read(&query).await?
        } else {
            Vec::new()
        };
        if !found.iter().any(|envelope| delivers(&webhook, envelope)) {
            return Err(CommandError::refused(
                "delivery_not_found",
                RefusalKind::NotFound,
                "the webhook has no delivery of that position",
            ));
        }
        let resend = WebhookCommand::Resend {
            position: self.position,
        };
        unit.decide::<Webhook>(&self.webhook_id, resend).await?;
        Ok(Outcome::of::<Webhook>(&self.webhook_id))
    }
}

/// Whether the event is one to deliver: a test of the webhook's own, or one that it is subscribed to.
fn delivers(webhook: &Webhook, envelope: &Envelope) -> bool {
    let own = webhook.webhook_id.as_ref().map(WebhookId::as_str) == Some(&*envelope.aggregate_id);
    let test = matches!(&envelope.event, AnyEvent::Webhook(WebhookEvent::Tested { .. }));
    (own && test) || webhook.subscribes_to(envelope)
}
