//! What agents did, newest first. Contents stay sealed here; whoever shows them opens them.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, Envelope, MessageId, RuntimeId,
    activity::{ActivityEvent, ActivitySender, Keeper},
    agent::AgentEvent,
    runtime::RuntimeEvent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// An activity as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActivityDoc {
    /// Its id; of a reply, the reply's message id.
    pub id: MessageId,
    /// Who pays.
    pub account_id: AccountId,
    /// Where the agent ran.
    pub runtime_id: RuntimeId,
    /// Whose it is.
    pub agent_id: AgentId,
    /// The agent's slug then.
    pub agent_slug: Option<String>,
    /// What sort it is.
    pub kind: ActivityKind,
    /// What it came from.
    pub source: ActivitySource,
    /// Who speaks.
    pub sender: ActivitySender,
    /// The cron job it is about, where it is about one.
    pub job_name: Option<String>,
    /// The message it answers, where it answers one.
    pub in_reply_to: Option<MessageId>,
    /// With whose data key the content goes.
    pub keeper: Keeper,
    /// The keeper's id: with it the document goes.
    pub keeper_id: String,
    /// What it says, sealed under the keeper's data key.
    pub content_sealed: String,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

/// What sort an activity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// The result of a cron job.
    CronJobCompleted,
    /// A message of the agent.
    AgentMessageSent,
    /// An error.
    AgentErrorReported,
}

/// What an activity came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivitySource {
    /// A cron job that ran.
    Cron,
    /// The agent itself, errors included.
    Agent,
}

impl ActivitySource {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Cron, Self::Agent];

    /// The source as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Agent => "agent",
        }
    }
}

impl Document for ActivityDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(&self.keeper_id)
    }

    fn status(&self) -> Option<&str> {
        Some(self.source.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of activities. What a deleted keeper had has left it.
#[derive(Debug)]
pub struct Activities;

impl Projection for Activities {
    type Doc = ActivityDoc;
    const NAME: &'static str = "activities";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["runtime_id", "agent_id", "agent_slug", "kind", "source"];
    const PARENT: Option<&'static str> = Some("keeper_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if let AnyEvent::Activity(event) = &envelope.event {
            return vec![Touch::one(&event.record().activity_id)];
        }
        let ends = matches!(
            &envelope.event,
            AnyEvent::Agent(AgentEvent::DeletionStarted {})
                | AnyEvent::Runtime(RuntimeEvent::Destroyed { .. })
        );
        if ends {
            vec![Touch::PurgeChildrenOf(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<ActivityDoc>, envelope: &Envelope) -> Option<ActivityDoc> {
        let AnyEvent::Activity(event) = &envelope.event else {
            return doc;
        };
        let (kind, source, in_reply_to) = match event {
            ActivityEvent::CronJobCompleted { .. } => {
                (ActivityKind::CronJobCompleted, ActivitySource::Cron, None)
            }
            ActivityEvent::MessageSent { in_reply_to, .. } => (
                ActivityKind::AgentMessageSent,
                ActivitySource::Agent,
                in_reply_to.clone(),
            ),
            ActivityEvent::ErrorReported { .. } => {
                (ActivityKind::AgentErrorReported, ActivitySource::Agent, None)
            }
        };
        let record = event.record();
        Some(ActivityDoc {
            id: record.activity_id.clone(),
            account_id: record.account_id.clone(),
            runtime_id: record.runtime_id.clone(),
            agent_id: record.agent_id.clone(),
            agent_slug: record.agent_slug.clone(),
            kind,
            source,
            sender: record.sender.clone(),
            job_name: event.job_name().map(ToOwned::to_owned),
            in_reply_to,
            keeper: record.keeper,
            keeper_id: record.keeper_id().to_owned(),
            content_sealed: record.content_sealed.clone(),
            created_at: envelope.recorded_at,
        })
    }

    /// The agent's stream tells a document, but a document of a runtime's does not say in its columns which.
    fn source(_: &str, _: Option<&str>) -> Option<Source> {
        None
    }
}

#[cfg(test)]
mod tests;
