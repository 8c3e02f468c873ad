//! What a webhook may subscribe to, and whether an event is that.

use serde_json::Value;

use super::{Webhook, WebhookForm, WebhookRefusal};
use crate::{AnyEvent, Envelope};

/// Every event.
pub const ALL_EVENTS: &str = "*";

/// Most event names or aggregate types of one webhook.
pub const MAX_NAMES: usize = 200;

/// The activity that Thermidora's form tells of: what subscribers call it, and its stored event.
pub const ACTIVITY: [(&str, &str); 3] = [
    ("cron.completed", "CronJobCompleted"),
    ("agent.message", "AgentMessageSent"),
    ("agent.error", "AgentErrorReported"),
];

/// What Thermidora's subscribers call the stored event.
pub fn activity_name(event_type: &str) -> Option<&'static str> {
    let known = ACTIVITY.iter().find(|(_, stored)| *stored == event_type);
    known.map(|(name, _)| *name)
}

fn is_event_type(name: &str) -> bool {
    let mut types = AnyEvent::CATALOGUE.iter().flat_map(|(_, types)| types.iter());
    types.any(|(known, _)| *known == name)
}

/// The names, each once, if the form knows them all.
pub(super) fn events(form: WebhookForm, names: Vec<String>) -> Result<Vec<String>, WebhookRefusal> {
    let is_known = |name: &str| match form {
        WebhookForm::Native => is_event_type(name),
        WebhookForm::Thermidora => ACTIVITY.iter().any(|(known, _)| *known == name),
    };
    let unknown = names.iter().find(|name| *name != ALL_EVENTS && !is_known(name));
    if let Some(unknown) = unknown {
        let unknown = Some(unknown.chars().take(100).collect());
        return Err(WebhookRefusal::EventsInvalid { unknown });
    }
    let names = each_once(names);
    if (1..=MAX_NAMES).contains(&names.len()) {
        Ok(names)
    } else {
        Err(WebhookRefusal::EventsInvalid { unknown: None })
    }
}

/// The aggregate types, each once, if there are such; activity has no others.
pub(super) fn aggregate_types(form: WebhookForm, types: Vec<String>) -> Result<Vec<String>, WebhookRefusal> {
    let types = each_once(types);
    let known = types
        .iter()
        .all(|name| AnyEvent::CATALOGUE.iter().any(|(known, _)| known == name));
    let possible = match form {
        WebhookForm::Native => types.len() <= MAX_NAMES,
        WebhookForm::Thermidora => types.is_empty(),
    };
    if known && possible {
        Ok(types)
    } else {
        Err(WebhookRefusal::AggregateTypesInvalid)
    }
}

fn each_once(names: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

impl Webhook {
    /// Whether the event is one that the webhook delivers, by what it is subscribed to. Whether it is enabled
    /// and from which position on is not asked.
    ///
    /// A webhook of a runtime or an agent delivers what is in that one's own stream, and what names it as its
    /// `runtime_id` or `agent_id`.
    pub fn subscribes_to(&self, envelope: &Envelope) -> bool {
        self.account_id.is_some()
            && self.account_id == envelope.account_id
            && self.takes_name(envelope)
            && self.takes_scope(envelope)
    }

    fn takes_name(&self, envelope: &Envelope) -> bool {
        let event_type = envelope.event.event_type();
        let name = match self.form {
            WebhookForm::Native => Some(event_type),
            WebhookForm::Thermidora => activity_name(event_type),
        };
        let of_type = self.aggregate_types.is_empty()
            || self
                .aggregate_types
                .iter()
                .any(|known| known == envelope.aggregate_type);
        of_type
            && name.is_some_and(|name| {
                self.events
                    .iter()
                    .any(|known| known == ALL_EVENTS || known == name)
            })
    }

    fn takes_scope(&self, envelope: &Envelope) -> bool {
        if self.runtime_id.is_none() && self.agent_id.is_none() {
            return true;
        }
        let data: Value = serde_json::from_str(envelope.data()).unwrap_or_default();
        let is_about = |kind: &str, field: &str, id: &str| {
            let own = envelope.aggregate_type == kind && *envelope.aggregate_id == *id;
            own || data.get(field).and_then(Value::as_str) == Some(id)
        };
        let of_runtime = self.runtime_id.as_ref();
        let of_agent = self.agent_id.as_ref();
        of_runtime.is_none_or(|id| is_about("runtime", "runtime_id", id.as_str()))
            && of_agent.is_none_or(|id| is_about("agent", "agent_id", id.as_str()))
    }
}
