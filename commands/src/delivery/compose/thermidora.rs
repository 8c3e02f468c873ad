//! Bodies of Thermidora's form: an agent's activity, with its content opened for the delivery.

use reef_domain::{
    AnyEvent, Envelope,
    activity::ActivityEvent,
    webhook::{Webhook, WebhookEvent},
};

use super::Unmade;
use crate::{
    activity::open_activity,
    ports::{Vault, VaultError},
    webhook::{ThermidoraBody, ThermidoraData, ThermidoraSender},
};

/// What a test says.
const TEST: &str = "This is a test event";

/// What the subscriber calls the event, and the body.
pub(super) async fn message(
    vault: &dyn Vault,
    webhook: &Webhook,
    envelope: &Envelope,
) -> Result<(&'static str, String), Unmade> {
    if let AnyEvent::Webhook(WebhookEvent::Tested { .. }) = &envelope.event {
        let body = ThermidoraBody {
            instance_id: webhook.runtime_id.as_ref(),
            agent_slug: None,
            data: ThermidoraData::Test { message: TEST },
            at: envelope.recorded_at,
        };
        return Ok((body.data.event(), body.to_json()));
    }
    let AnyEvent::Activity(event) = &envelope.event else {
        return Err(Unmade::ForGood("not an event of this form".to_owned()));
    };
    let record = event.record();
    let content = open_activity(vault, record).await.map_err(unopened)?;
    let body = ThermidoraBody {
        instance_id: Some(&record.runtime_id),
        agent_slug: record.agent_slug.as_deref(),
        data: data(event, &content),
        at: envelope.recorded_at,
    };
    Ok((body.data.event(), body.to_json()))
}

fn data<'a>(event: &'a ActivityEvent, content: &'a str) -> ThermidoraData<'a> {
    match event {
        ActivityEvent::CronJobCompleted { job_name, .. } => {
            ThermidoraData::CronCompleted { content, job_name }
        }
        ActivityEvent::MessageSent { record, .. } => ThermidoraData::AgentMessage {
            message_id: record.activity_id.as_str(),
            content,
            sender: ThermidoraSender {
                kind: &record.sender.kind,
                id: &record.sender.id,
                name: &record.sender.name,
            },
        },
        ActivityEvent::ErrorReported { .. } => ThermidoraData::AgentError { message: content },
    }
}

fn unopened(error: VaultError) -> Unmade {
    match error {
        VaultError::Destroyed | VaultError::Absent => Unmade::ForGood("its content was deleted".to_owned()),
        VaultError::Unopenable => Unmade::ForGood("its content cannot be opened".to_owned()),
        VaultError::Unavailable(reason) => Unmade::ForNow(format!("its content cannot be read: {reason}")),
    }
}

#[cfg(test)]
mod tests;
