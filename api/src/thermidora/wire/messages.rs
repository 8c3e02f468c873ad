//! Messages, and replies as streams of chat completion chunks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dialect::{Millis, supplied};

/// A message to an agent.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct SendMessage {
    #[schemars(length(min = 1, max = 100_000))]
    pub(in crate::thermidora) message: String,
    /// Who writes it; left out: the account.
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "GivenSender")]
    pub(in crate::thermidora) sender: Option<GivenSender>,
    /// Whether the reply is to come as a stream.
    #[serde(default)]
    pub(in crate::thermidora) stream: bool,
}

/// Who writes a message, as far as that is said.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct GivenSender {
    #[serde(rename = "type", default)]
    pub(in crate::thermidora) kind: SenderType,
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(min = 1, max = 200))]
    pub(in crate::thermidora) id: Option<String>,
    #[serde(default, deserialize_with = "supplied")]
    #[schemars(with = "String", length(min = 1, max = 200))]
    pub(in crate::thermidora) name: Option<String>,
}

/// Sorts of senders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::thermidora) enum SenderType {
    #[default]
    Human,
    Agent,
}

/// Who wrote a message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Sender {
    #[serde(rename = "type")]
    pub(in crate::thermidora) kind: SenderType,
    pub(in crate::thermidora) id: String,
    pub(in crate::thermidora) name: String,
}

/// A message.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct AgentMessage {
    pub(in crate::thermidora) message_id: String,
    pub(in crate::thermidora) content: String,
    pub(in crate::thermidora) sender: Sender,
    pub(in crate::thermidora) timestamp: Millis,
}

/// The newest messages of an agent, the oldest of them first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Messages {
    pub(in crate::thermidora) messages: Vec<AgentMessage>,
    /// How many there are over all.
    pub(in crate::thermidora) total: u64,
}

/// A piece of a streamed reply.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Chunk<'a> {
    /// `chatcmpl-` and the reply's message id.
    pub(in crate::thermidora) id: &'a str,
    pub(in crate::thermidora) object: &'static str,
    /// Seconds since 1970.
    pub(in crate::thermidora) created: i64,
    pub(in crate::thermidora) model: &'a str,
    pub(in crate::thermidora) choices: [Choice<'a>; 1],
}

/// The one choice there is.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Choice<'a> {
    pub(in crate::thermidora) index: u8,
    pub(in crate::thermidora) delta: Delta<'a>,
    /// `stop` in the last chunk.
    pub(in crate::thermidora) finish_reason: Option<&'static str>,
}

/// What a chunk adds.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::thermidora) struct Delta<'a> {
    /// In the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::thermidora) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::thermidora) content: Option<&'a str>,
}
