//! An event as the log has it: what happened, where in the order, when, and who made it happen.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent};

/// One committed event.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Place in the global order, from 1, without gaps.
    pub position: u64,
    /// Aggregate type, such as `agent`.
    pub aggregate_type: &'static str,
    /// Id of the aggregate.
    pub aggregate_id: Arc<str>,
    /// Place in the aggregate's own stream, from 1.
    pub sequence: u64,
    /// The account it belongs to; `None` for the operator's own streams.
    pub account_id: Option<AccountId>,
    /// When it was committed; never decreases with the position.
    pub recorded_at: DateTime<Utc>,
    /// Who, and as a consequence of what.
    pub metadata: Metadata,
    /// What happened.
    pub event: AnyEvent,
    /// The stored bytes of the payload, `{"<event_type>":{...}}`.
    pub payload: Arc<str>,
}

impl Envelope {
    /// The event's fields as stored JSON text, without the name around them.
    pub fn data(&self) -> &str {
        // The stored form is `{"Name":<object>}`; texts from elsewhere may hold spaces.
        let open = self.payload.find(':').map_or(0, |colon| colon + 1);
        let close = self.payload.rfind('}').unwrap_or(self.payload.len());
        self.payload.get(open..close).unwrap_or("{}").trim()
    }
}

/// Who made an event happen and what it belongs to. Stored as one flat object of strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// `UUIDv7` of the event.
    pub event_id: String,
    /// Who acted, `kind:id`.
    pub actor: Actor,
    /// Dialect of the account.
    pub dialect: String,
    /// The request or process the event belongs to.
    pub correlation_id: String,
    /// The event that led to this one, by `event_id`, where one did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub causation_id: Option<String>,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Actor {
    /// What sort of actor.
    pub kind: ActorKind,
    /// Its id within the kind.
    pub id: Arc<str>,
}

/// The sorts of actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person with a session token.
    User,
    /// Somebody holding an API key.
    ApiKey,
    /// The software on a runtime.
    Node,
    /// A process manager of ours.
    System,
    /// Whoever runs the server.
    Operator,
}

impl ActorKind {
    const ALL: [Self; 5] = [Self::User, Self::ApiKey, Self::Node, Self::System, Self::Operator];

    /// The kind's stored name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::Node => "node",
            Self::System => "system",
            Self::Operator => "operator",
        }
    }
}

impl Actor {
    /// An actor of that kind and id.
    pub fn new(kind: ActorKind, id: impl Into<Arc<str>>) -> Self {
        Self { kind, id: id.into() }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.id)
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (kind, id) = text
            .split_once(':')
            .ok_or_else(|| format!("{text} is not kind:id"))?;
        let kind = ActorKind::ALL
            .into_iter()
            .find(|candidate| candidate.name() == kind)
            .ok_or_else(|| format!("unknown actor kind {kind}"))?;
        Ok(Self::new(kind, id))
    }
}
