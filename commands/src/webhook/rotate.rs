//! Another secret, without a gap.

use chrono::TimeDelta;
use reef_domain::{
    WebhookId,
    webhook::{Webhook, WebhookCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{Placed, WebhookSecret, own_or_new, place};
use crate::{Audience, CommandError, Outcome, Unit, UseCase};

/// Longest time two secrets sign beside each other, in hours: a week.
const MAX_OVERLAP_H: u32 = 168;

/// Signs with another secret, which the answer has. For a while every delivery has a signature of the former secret
/// as well, so that a receiver can change over without missing one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateWebhookSecret {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The new secret; made when absent.
    #[serde(default)]
    pub secret: Option<WebhookSecret>,
    /// How long the former secret signs as well, in hours, 0 to 168; 24 when absent.
    #[serde(default = "a_day")]
    #[schemars(range(max = 168))]
    pub overlap_hours: u32,
    /// Which secret was put where: a second try of the same command puts it nowhere else.
    #[serde(skip)]
    #[schemars(skip)]
    placed: OnceCell<Placed>,
}

fn a_day() -> u32 {
    24
}

impl RotateWebhookSecret {
    /// The command, with a secret made here and a day's overlap.
    pub fn new(webhook_id: WebhookId) -> Self {
        Self {
            webhook_id,
            secret: None,
            overlap_hours: a_day(),
            placed: OnceCell::new(),
        }
    }
}

impl UseCase for RotateWebhookSecret {
    const NAME: &'static str = "RotateWebhookSecret";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "webhooks:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Webhook>(&self.webhook_id).await?;
        if self.overlap_hours > MAX_OVERLAP_H {
            return Err(CommandError::malformed("overlap_hours", "at most 168 hours"));
        }
        let init = || {
            let secret = own_or_new(unit, self.secret.as_ref());
            place(unit, &self.webhook_id, secret)
        };
        let placed = self.placed.get_or_try_init(init).await?;
        let now = unit.now();
        let rotate = WebhookCommand::RotateSecret {
            secret_ref: placed.at.clone(),
            secret_hint: placed.secret.hint(),
            previous_until: now + TimeDelta::hours(self.overlap_hours.into()),
            now,
        };
        unit.decide::<Webhook>(&self.webhook_id, rotate).await?;
        let result = json!({ "webhook_id": self.webhook_id, "secret": placed.secret.expose() });
        Ok(Outcome::of::<Webhook>(&self.webhook_id)
            .showing(result)
            .subject(&self.webhook_id))
    }
}
