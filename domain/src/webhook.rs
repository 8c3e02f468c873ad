//! Webhook: a URL that events of its account are delivered to.
//!
//! It is a cursor over the log: what it is subscribed to, and from which position on. The deliveries
//! themselves, their tries and where the cursor is are no events.
//!
//! **Invariants:** no event holds a secret, only where in the vault it is and how it ends; at most two secrets
//! sign at a time; a deleted webhook never changes again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::checks::{checked_from, checked_url, described};
use crate::{AccountId, AgentId, AnyEvent, Change, Decider, RuntimeId, VaultRef, WebhookId};

mod checks;
mod command;
mod event;
mod kinds;
mod refusal;
mod subscription;

pub use command::{WebhookCommand, WebhookUpdate};
pub use event::WebhookEvent;
pub use kinds::{DisableReason, WebhookForm, WebhookStatus};
pub use refusal::WebhookRefusal;
pub use subscription::{ACTIVITY, ALL_EVENTS, MAX_NAMES, activity_name};

/// Longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;
/// Longest description, in characters.
pub const MAX_DESCRIPTION: usize = 500;
/// Longest text on why it was disabled, in bytes.
const MAX_DETAIL_BYTES: usize = 500;

/// A webhook, as far as decisions and deliveries need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id, once it exists.
    pub webhook_id: Option<WebhookId>,
    /// Whose it is.
    pub account_id: Option<AccountId>,
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
    /// Where in the vault its secret is.
    pub secret_ref: Option<VaultRef>,
    /// Its former secret, and until when that signs as well.
    pub previous: Option<PreviousSecret>,
    /// Where it is in its life.
    pub status: WebhookStatus,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// Where in the vault it is.
    pub secret_ref: VaultRef,
    /// Until when it signs.
    pub until: DateTime<Utc>,
}

impl Webhook {
    /// Where the secrets are that sign at that time: the present one, then the former one.
    pub fn signing_refs(&self, at: DateTime<Utc>) -> Vec<VaultRef> {
        let former = self.previous.as_ref().filter(|previous| at < previous.until);
        let former = former.map(|previous| previous.secret_ref.clone());
        self.secret_ref.clone().into_iter().chain(former).collect()
    }

    fn create(&self, command: WebhookCommand) -> Result<Vec<WebhookEvent>, WebhookRefusal> {
        let WebhookCommand::Create {
            webhook_id,
            account_id,
            url,
            form,
            events,
            aggregate_types,
            runtime_id,
            agent_id,
            description,
            secret_ref,
            secret_hint,
            from,
        } = command
        else {
            return Err(WebhookRefusal::WebhookNotFound);
        };
        if self.webhook_id.is_some() {
            return Err(WebhookRefusal::WebhookAlreadyExists);
        }
        Ok(vec![WebhookEvent::Created {
            webhook_id,
            account_id,
            url: checked_url(url)?,
            form,
            events: subscription::events(form, events)?,
            aggregate_types: subscription::aggregate_types(form, aggregate_types)?,
            runtime_id,
            agent_id,
            description: description.as_deref().map(described).transpose()?.flatten(),
            secret_ref,
            secret_hint,
            from: checked_from(from)?,
        }])
    }

    fn update(&self, update: WebhookUpdate) -> Result<Vec<WebhookEvent>, WebhookRefusal> {
        let mut next = self.clone();
        if let Some(url) = update.url {
            next.url = checked_url(url)?;
        }
        if let Some(events) = update.events {
            next.events = subscription::events(self.form, events)?;
        }
        if let Some(types) = update.aggregate_types {
            next.aggregate_types = subscription::aggregate_types(self.form, types)?;
        }
        next.runtime_id = changed(update.runtime_id, next.runtime_id);
        next.agent_id = changed(update.agent_id, next.agent_id);
        next.description = match update.description {
            Change::Keep => next.description,
            Change::Clear => None,
            Change::Set(given) => described(&given)?,
        };
        if next == *self {
            return Ok(vec![]);
        }
        Ok(vec![WebhookEvent::Updated {
            url: next.url,
            events: next.events,
            aggregate_types: next.aggregate_types,
            runtime_id: next.runtime_id,
            agent_id: next.agent_id,
            description: next.description,
        }])
    }

    fn enable(&self, from: Option<u64>) -> Result<Vec<WebhookEvent>, WebhookRefusal> {
        let from = checked_from(from)?;
        match (self.status, from) {
            (WebhookStatus::Enabled, None) => Ok(vec![]),
            (WebhookStatus::Enabled, Some(_)) => Err(WebhookRefusal::WebhookEnabled),
            (WebhookStatus::Disabled | WebhookStatus::Deleted, _) => Ok(vec![WebhookEvent::Enabled { from }]),
        }
    }

    fn rotate(
        &self,
        secret_ref: VaultRef,
        secret_hint: String,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<WebhookEvent> {
        let overlaps = now < until;
        let older = self.previous.as_ref().map(|previous| previous.secret_ref.clone());
        let former = self.secret_ref.clone();
        let (previous_ref, over) = if overlaps { (former, None) } else { (None, former) };
        vec![WebhookEvent::SecretRotated {
            secret_ref,
            secret_hint,
            previous_until: previous_ref.is_some().then_some(until),
            previous_ref,
            dropped: older.into_iter().chain(over).collect(),
        }]
    }

    fn retire(&self, now: DateTime<Utc>) -> Vec<WebhookEvent> {
        let over = self.previous.iter().filter(|previous| previous.until <= now);
        over.map(|previous| WebhookEvent::SecretRetired {
            dropped: previous.secret_ref.clone(),
        })
        .collect()
    }
}

fn changed<T>(change: Change<T>, present: Option<T>) -> Option<T> {
    match change {
        Change::Keep => present,
        Change::Clear => None,
        Change::Set(value) => Some(value),
    }
}

impl Decider for Webhook {
    const TYPE: &'static str = "webhook";
    type Command = WebhookCommand;
    type Event = WebhookEvent;
    type Refusal = WebhookRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        if matches!(command, WebhookCommand::Create { .. }) {
            return self.create(command);
        }
        if self.webhook_id.is_none() || self.is_gone() {
            return Err(WebhookRefusal::WebhookNotFound);
        }
        match command {
            WebhookCommand::Create { .. } => Err(WebhookRefusal::WebhookAlreadyExists),
            WebhookCommand::Update(update) => self.update(update),
            WebhookCommand::Enable { from } => self.enable(from),
            WebhookCommand::Disable { .. } if self.status != WebhookStatus::Enabled => Ok(vec![]),
            WebhookCommand::Disable { reason, detail } => Ok(vec![WebhookEvent::Disabled {
                reason,
                detail: detail.map(|detail| crate::text::cut(&detail, MAX_DETAIL_BYTES)),
            }]),
            WebhookCommand::RotateSecret {
                secret_ref,
                secret_hint,
                previous_until,
                now,
            } => Ok(self.rotate(secret_ref, secret_hint, previous_until, now)),
            WebhookCommand::RetireSecret { now } => Ok(self.retire(now)),
            WebhookCommand::Test { test_id } => Ok(vec![WebhookEvent::Tested { test_id }]),
            WebhookCommand::Replay { from, to } if from == 0 || to < from => {
                Err(WebhookRefusal::PositionsInvalid)
            }
            WebhookCommand::Replay { .. } if self.status != WebhookStatus::Enabled => {
                Err(WebhookRefusal::WebhookDisabled)
            }
            WebhookCommand::Replay { from, to } => Ok(vec![WebhookEvent::ReplayRequested { from, to }]),
            WebhookCommand::Resend { position: 0 } => Err(WebhookRefusal::PositionsInvalid),
            WebhookCommand::Resend { position } => Ok(vec![WebhookEvent::ResendRequested { position }]),
            WebhookCommand::Delete => Ok(vec![WebhookEvent::Deleted {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            WebhookEvent::Created {
                webhook_id,
                account_id,
                url,
                form,
                events,
                aggregate_types,
                runtime_id,
                agent_id,
                description,
                secret_ref,
                ..
            } => {
                *self = Self {
                    webhook_id: Some(webhook_id.clone()),
                    account_id: Some(account_id.clone()),
                    url: url.clone(),
                    form: *form,
                    events: events.clone(),
                    aggregate_types: aggregate_types.clone(),
                    runtime_id: runtime_id.clone(),
                    agent_id: agent_id.clone(),
                    description: description.clone(),
                    secret_ref: Some(secret_ref.clone()),
                    previous: None,
                    status: WebhookStatus::Enabled,
                };
            }
            WebhookEvent::Updated {
                url,
                events,
                aggregate_types,
                runtime_id,
                agent_id,
                description,
            } => {
                self.url.clone_from(url);
                self.events.clone_from(events);
                self.aggregate_types.clone_from(aggregate_types);
                self.runtime_id.clone_from(runtime_id);
                self.agent_id.clone_from(agent_id);
                self.description.clone_from(description);
            }
            WebhookEvent::Enabled { .. } => self.status = WebhookStatus::Enabled,
            WebhookEvent::Disabled { .. } => self.status = WebhookStatus::Disabled,
            WebhookEvent::SecretRotated {
                secret_ref,
                previous_ref,
                previous_until,
                ..
            } => {
                self.secret_ref = Some(secret_ref.clone());
                let former = previous_ref.clone().zip(*previous_until);
                self.previous = former.map(|(secret_ref, until)| PreviousSecret { secret_ref, until });
            }
            WebhookEvent::SecretRetired { .. } => self.previous = None,
            WebhookEvent::Tested { .. }
            | WebhookEvent::ReplayRequested { .. }
            | WebhookEvent::ResendRequested { .. } => {}
            WebhookEvent::Deleted {} => {
                self.status = WebhookStatus::Deleted;
                self.secret_ref = None;
                self.previous = None;
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        self.status == WebhookStatus::Deleted
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Webhook(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
