//! Webhooks as their owners see them. What came of deliveries is no event and kept elsewhere.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, Decider, Envelope, RuntimeId, WebhookId,
    webhook::{DisableReason, Webhook, WebhookEvent, WebhookForm, WebhookStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A webhook as it is read. Its secret is shown when it is made, and is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookDoc {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub account_id: AccountId,
    /// Where to.
    pub url: String,
    /// What a delivery looks like.
    pub form: WebhookForm,
    /// Which events, by name; `*` is all.
    pub events: Vec<String>,
    /// Only events of these aggregate types; none: of all.
    pub aggregate_types: Vec<String>,
    /// Only what is about this runtime.
    pub runtime_id: Option<RuntimeId>,
    /// Only what is about this agent.
    pub agent_id: Option<AgentId>,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Whether it delivers.
    pub status: WebhookStatus,
    /// Why it does not, where it does not.
    pub disabled: Option<WebhookDisabled>,
    /// The last four characters of the secret it signs with.
    pub secret_hint: String,
    /// Until when the secret before that signs as well.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// Why a webhook does not deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookDisabled {
    /// What sort of reason.
    pub reason: DisableReason,
    /// What was seen, for people.
    pub detail: Option<String>,
    /// Since when.
    pub at: DateTime<Utc>,
}

impl Document for WebhookDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of webhooks. Deleted ones have left it.
#[derive(Debug)]
pub struct Webhooks;

impl Projection for Webhooks {
    type Doc = WebhookDoc;
    const NAME: &'static str = "webhooks";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["form", "runtime_id", "agent_id"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Webhook(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<WebhookDoc>, envelope: &Envelope) -> Option<WebhookDoc> {
        let AnyEvent::Webhook(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        match event {
            WebhookEvent::Created { .. } => created(event, at),
            WebhookEvent::Updated {
                url,
                events,
                aggregate_types,
                runtime_id,
                agent_id,
                description,
            } => doc.map(|doc| WebhookDoc {
                url: url.clone(),
                events: events.clone(),
                aggregate_types: aggregate_types.clone(),
                runtime_id: runtime_id.clone(),
                agent_id: agent_id.clone(),
                description: description.clone(),
                updated_at: at,
                ..doc
            }),
            WebhookEvent::Enabled { .. } => doc.map(|doc| WebhookDoc {
                status: WebhookStatus::Enabled,
                disabled: None,
                updated_at: at,
                ..doc
            }),
            WebhookEvent::Disabled { reason, detail } => doc.map(|doc| WebhookDoc {
                status: WebhookStatus::Disabled,
                disabled: Some(WebhookDisabled {
                    reason: *reason,
                    detail: detail.clone(),
                    at,
                }),
                updated_at: at,
                ..doc
            }),
            WebhookEvent::SecretRotated {
                secret_hint,
                previous_until,
                ..
            } => doc.map(|doc| WebhookDoc {
                secret_hint: secret_hint.clone(),
                previous_secret_until: *previous_until,
                updated_at: at,
                ..doc
            }),
            WebhookEvent::SecretRetired { .. } => doc.map(|doc| WebhookDoc {
                previous_secret_until: None,
                updated_at: at,
                ..doc
            }),
            WebhookEvent::Tested { .. }
            | WebhookEvent::ReplayRequested { .. }
            | WebhookEvent::ResendRequested { .. } => doc,
            WebhookEvent::Deleted {} => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Webhook::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

fn created(event: &WebhookEvent, at: DateTime<Utc>) -> Option<WebhookDoc> {
    let WebhookEvent::Created {
        webhook_id,
        account_id,
        url,
        form,
        events,
        aggregate_types,
        runtime_id,
        agent_id,
        description,
        secret_hint,
        ..
    } = event
    else {
        return None;
    };
    Some(WebhookDoc {
        id: webhook_id.clone(),
        account_id: account_id.clone(),
        url: url.clone(),
        form: *form,
        events: events.clone(),
        aggregate_types: aggregate_types.clone(),
        runtime_id: runtime_id.clone(),
        agent_id: agent_id.clone(),
        description: description.clone(),
        status: WebhookStatus::Enabled,
        disabled: None,
        secret_hint: secret_hint.clone(),
        previous_secret_until: None,
        created_at: at,
        updated_at: at,
    })
}

#[cfg(test)]
mod tests;
