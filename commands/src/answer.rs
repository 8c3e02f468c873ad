//! The answer to a command.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The aggregate the command was about, as it is now.
    pub aggregate: AggregateRef,
    /// Position that any read reflecting this command has reached.
    pub position: u64,
    /// What happened, in order; empty if the command changed nothing.
    pub events: Vec<EventRef>,
    /// What is shown once, such as a new key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<Value>,
    /// Whether this is the remembered answer of an earlier request with the same idempotency key.
    #[serde(skip)]
    pub replayed: bool,
}

/// An aggregate and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AggregateRef {
    /// Aggregate type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Aggregate id.
    pub id: String,
    /// Sequence of its last event.
    pub sequence: u64,
}

/// An event of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventRef {
    /// Event type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Sequence in its aggregate's stream.
    pub sequence: u64,
    /// Position in the log.
    pub position: u64,
    /// Aggregate type.
    pub aggregate_type: String,
    /// Aggregate id.
    pub aggregate_id: String,
}
