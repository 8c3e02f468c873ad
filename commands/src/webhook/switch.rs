//! Webhooks on and off.

use reef_domain::{
    WebhookId,
    webhook::{DisableReason, Webhook, WebhookCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::require_reached;
use crate::{Answer, Audience, Bus, CommandError, Outcome, Request, Unit, UseCase};

/// Delivers again: what is recorded from now on, or what matches from a position on, which gives what was missed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnableWebhook {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The first position to deliver; what is recorded from now on when absent.
    #[serde(default)]
    pub from: Option<u64>,
}

impl UseCase for EnableWebhook {
    const NAME: &'static str = "EnableWebhook";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Webhook>(&self.webhook_id).await?;
        require_reached(unit, self.from).await?;
        let enable = WebhookCommand::Enable { from: self.from };
        unit.decide::<Webhook>(&self.webhook_id, enable).await?;
        Ok(Outcome::of::<Webhook>(&self.webhook_id))
    }
}

/// Delivers no more until it is enabled again. Tests and what is resent still go out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableWebhook {
    /// The webhook.
    pub webhook_id: WebhookId,
}

impl UseCase for DisableWebhook {
    const NAME: &'static str = "DisableWebhook";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Webhook>(&self.webhook_id).await?;
        let disable = WebhookCommand::Disable {
            reason: DisableReason::Owner,
            detail: None,
        };
        unit.decide::<Webhook>(&self.webhook_id, disable).await?;
        Ok(Outcome::of::<Webhook>(&self.webhook_id))
    }
}

/// Disables a webhook whose receiver is gone or keeps failing: what the dispatcher does by itself. One that is off
/// or deleted by then stays as it is.
pub async fn disable_webhook(
    bus: &Bus,
    webhook: &WebhookId,
    reason: DisableReason,
    detail: impl Into<String>,
    request: &Request,
) -> Result<Option<Answer>, CommandError> {
    let disable = WebhookCommand::Disable {
        reason,
        detail: Some(detail.into()),
    };
    match bus.decide::<Webhook>(webhook, disable, request).await {
        Ok(answer) => Ok(Some(answer)),
        Err(CommandError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
