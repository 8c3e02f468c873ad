//! Webhooks.

use reef_domain::webhook::WebhookStatus;
use reef_projections::views::webhook::WebhookDoc;

use crate::thermidora::wire;

/// The webhook with its secret in full, or only with what tells it from others.
pub(in crate::thermidora) fn webhook(doc: WebhookDoc, secret: Option<String>) -> wire::Webhook {
    wire::Webhook {
        id: doc.id.to_string(),
        url: doc.url,
        events: doc.events,
        secret: secret.unwrap_or_else(|| format!("whsec_****{}", doc.secret_hint)),
        enabled: doc.status == WebhookStatus::Enabled,
        instance_id: doc.runtime_id.map(|id| id.to_string()),
        agent_id: doc.agent_id.map(|id| id.to_string()),
        description: doc.description,
        created_at: doc.created_at.into(),
    }
}
