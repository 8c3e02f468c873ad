//! What agents did.

use schemars::JsonSchema;
use serde::Serialize;

use crate::dialect::Millis;

/// What the agents of an instance did, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Events {
    pub(in crate::thermidora) events: Vec<Event>,
    /// How many match, these and others.
    pub(in crate::thermidora) total: u64,
}

/// Something an agent did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct Event {
    /// Its id; of a reply, the reply's.
    pub(in crate::thermidora) message_id: String,
    /// The result, what was said, or the text of the error.
    pub(in crate::thermidora) content: String,
    pub(in crate::thermidora) sender: EventSender,
    pub(in crate::thermidora) source: EventSource,
    pub(in crate::thermidora) created_at: Millis,
    pub(in crate::thermidora) agent_slug: String,
}

/// Whose it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct EventSender {
    /// What sort of sender it is: always `agent`.
    #[serde(rename = "type")]
    pub(in crate::thermidora) kind: String,
    /// The agent's slug.
    pub(in crate::thermidora) id: String,
    /// What it was called then.
    pub(in crate::thermidora) name: String,
}

/// What an event came from.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::thermidora) enum EventSource {
    /// A cron job that ran.
    Cron,
    /// The agent itself; errors too.
    Agent,
}
