//! Webhooks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dialect::Millis;

/// What is delivered, and where to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct CreateWebhook {
    /// Where to; https, and not into a private network.
    #[schemars(length(min = 1, max = 2048))]
    pub(in crate::thermidora) url: String,
    /// Which events.
    #[schemars(length(min = 1))]
    pub(in crate::thermidora) events: Vec<EventType>,
    /// Only those of this instance.
    #[serde(default)]
    pub(in crate::thermidora) instance_id: Option<String>,
    /// Only those of this agent.
    #[serde(default)]
    pub(in crate::thermidora) agent_id: Option<String>,
    /// For people.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub(in crate::thermidora) description: Option<String>,
}

/// Events that can be subscribed to.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(in crate::thermidora) enum EventType {
    /// A cron job of an agent was completed.
    #[serde(rename = "cron.completed")]
    CronCompleted,
    /// An agent said something.
    #[serde(rename = "agent.message")]
    AgentMessage,
    /// An agent failed.
    #[serde(rename = "agent.error")]
    AgentError,
    /// All of them.
    #[serde(rename = "*")]
    All,
}

/// Whether a webhook delivers.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct UpdateWebhook {
    pub(in crate::thermidora) enabled: bool,
}

/// A webhook.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct Webhook {
    #[serde(rename = "webhookId")]
    pub(in crate::thermidora) id: String,
    pub(in crate::thermidora) url: String,
    pub(in crate::thermidora) events: Vec<String>,
    /// In full where it is made and where one webhook is read, else only its last four characters.
    pub(in crate::thermidora) secret: String,
    pub(in crate::thermidora) enabled: bool,
    pub(in crate::thermidora) instance_id: Option<String>,
    pub(in crate::thermidora) agent_id: Option<String>,
    pub(in crate::thermidora) description: Option<String>,
    pub(in crate::thermidora) created_at: Millis,
}

/// The account's webhooks, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Webhooks {
    pub(in crate::thermidora) webhooks: Vec<Webhook>,
}

/// A webhook that is gone.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct DeletedWebhook {
    pub(in crate::thermidora) webhook_id: String,
    /// Always true.
    pub(in crate::thermidora) deleted: bool,
}

/// A test that is on its way.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct TestedWebhook {
    pub(in crate::thermidora) message: &'static str,
}
