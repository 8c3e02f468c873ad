//! Timers: what has to be looked at by a certain time. They are made of events, so they outlive the
//! process that set them. Ids: `approval/<task>`, `convergence/<runtime>`, `reply/<conversation>/<message>`,
//! `overlap/<webhook>`, `cron/<agent>`.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Envelope, agent::AgentEvent, conversation::ConversationEvent, cron::CronEvent,
    runtime::RuntimeEvent, task::TaskEvent, webhook::WebhookEvent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A pending deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimerDoc {
    /// What it is about.
    pub id: String,
    /// Whose it is.
    pub account_id: Option<AccountId>,
    /// The aggregate that waits.
    pub waiting: String,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// `due_at` in milliseconds since 1970, 13 digits: sorts as time does.
    pub due: String,
    /// When it was set.
    pub created_at: DateTime<Utc>,
}

/// The `due` of that time: what due timers are listed up to.
pub fn due(at: DateTime<Utc>) -> String {
    format!("{:013}", at.timestamp_millis().max(0))
}

impl Document for TimerDoc {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn parent_id(&self) -> Option<&str> {
        Some(&self.waiting)
    }

    fn status(&self) -> Option<&str> {
        Some(&self.due)
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// What an event does to a timer.
enum Change {
    /// It is due at that time.
    Set(String, DateTime<Utc>),
    /// It is off.
    Off(String),
    /// All timers of the aggregate are off.
    AllOff,
}

fn change(envelope: &Envelope) -> Option<Change> {
    let of = |kind: &str| format!("{kind}/{}", envelope.aggregate_id);
    if let AnyEvent::Task(event) = &envelope.event {
        return match event {
            TaskEvent::ApprovalRequested { expires_at, .. } => Some(Change::Set(of("approval"), *expires_at)),
            TaskEvent::Approved { .. }
            | TaskEvent::Rejected { .. }
            | TaskEvent::ApprovalExpired {}
            | TaskEvent::Failed { .. } => Some(Change::Off(of("approval"))),
            TaskEvent::Submitted { .. } | TaskEvent::Started {} | TaskEvent::Completed { .. } => None,
        };
    }
    if let AnyEvent::Runtime(event) = &envelope.event {
        return match event {
            RuntimeEvent::Requested { deadline, .. } | RuntimeEvent::StartRequested { deadline } => {
                Some(Change::Set(of("convergence"), *deadline))
            }
            RuntimeEvent::Running { .. }
            | RuntimeEvent::Failed { .. }
            | RuntimeEvent::StopRequested { .. }
            | RuntimeEvent::DestructionStarted {} => Some(Change::Off(of("convergence"))),
            RuntimeEvent::ProvisioningAdvanced { .. }
            | RuntimeEvent::Stopped { .. }
            | RuntimeEvent::GatewayRestartRequested {}
            | RuntimeEvent::GatewayRestarted { .. }
            | RuntimeEvent::RestartRequested {}
            | RuntimeEvent::Restarted { .. }
            | RuntimeEvent::HealthChanged { .. }
            | RuntimeEvent::SshKeyMade { .. }
            | RuntimeEvent::SshKeyRevealed { .. }
            | RuntimeEvent::AgentPushRequested { .. }
            | RuntimeEvent::Destroyed { .. } => None,
        };
    }
    if let AnyEvent::Webhook(event) = &envelope.event {
        return of_webhook(event, of("overlap"));
    }
    if let AnyEvent::Cron(event) = &envelope.event {
        return Some(match event {
            CronEvent::Planned {
                due_at: Some(due_at), ..
            } => Change::Set(of("cron"), *due_at),
            CronEvent::Planned { due_at: None, .. } | CronEvent::CameDue { .. } => Change::Off(of("cron")),
        });
    }
    if let AnyEvent::Agent(AgentEvent::DeletionStarted {}) = &envelope.event {
        return Some(Change::Off(of("cron")));
    }
    let AnyEvent::Conversation(event) = &envelope.event else {
        return None;
    };
    match event {
        ConversationEvent::MessageReceived {
            message_id, reply_by, ..
        } => Some(Change::Set(format!("{}/{message_id}", of("reply")), *reply_by)),
        ConversationEvent::ReplyCompleted { in_reply_to, .. }
        | ConversationEvent::ReplyFailed { in_reply_to, .. } => {
            Some(Change::Off(format!("{}/{in_reply_to}", of("reply"))))
        }
        ConversationEvent::Purged {} => Some(Change::AllOff),
        ConversationEvent::Started { .. } | ConversationEvent::Ended {} => None,
    }
}

/// The former secret of a webhook signs until its time is over.
fn of_webhook(event: &WebhookEvent, id: String) -> Option<Change> {
    match event {
        WebhookEvent::SecretRotated {
            previous_until: Some(until),
            ..
        } => Some(Change::Set(id, *until)),
        WebhookEvent::SecretRotated {
            previous_until: None, ..
        }
        | WebhookEvent::SecretRetired { .. }
        | WebhookEvent::Deleted {} => Some(Change::Off(id)),
        WebhookEvent::Created { .. }
        | WebhookEvent::Updated { .. }
        | WebhookEvent::Enabled { .. }
        | WebhookEvent::Disabled { .. }
        | WebhookEvent::Tested { .. }
        | WebhookEvent::ReplayRequested { .. }
        | WebhookEvent::ResendRequested { .. } => None,
    }
}

/// The view of timers.
#[derive(Debug)]
pub struct Timers;

impl Projection for Timers {
    type Doc = TimerDoc;
    const NAME: &'static str = "timers";
    const VERSION: u32 = 1;
    const PARENT: Option<&'static str> = Some("waiting");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        match change(envelope) {
            Some(Change::Set(id, _) | Change::Off(id)) => vec![Touch::one(id)],
            Some(Change::AllOff) => vec![Touch::PurgeChildrenOf(envelope.aggregate_id.clone())],
            None => vec![],
        }
    }

    fn fold(doc: Option<TimerDoc>, envelope: &Envelope) -> Option<TimerDoc> {
        match change(envelope) {
            Some(Change::Set(id, due_at)) => Some(TimerDoc {
                id,
                account_id: envelope.account_id.clone(),
                waiting: envelope.aggregate_id.to_string(),
                due_at,
                due: due(due_at),
                created_at: envelope.recorded_at,
            }),
            Some(Change::Off(_) | Change::AllOff) => None,
            None => doc,
        }
    }

    fn source(_: &str, _: Option<&str>) -> Option<Source> {
        None
    }
}

#[cfg(test)]
mod tests;
