//! Bodies of Thermidora's form. Pure.
//!
//! Its documented receiver checks the signature over `JSON.stringify` of the parsed body (contract, H7), so the
//! body must come back from that byte for byte: keys in this order, no blanks, and texts escaped as JavaScript
//! does it - quotation mark, backslash and the control characters below U+0020, the latter as `\b`, `\t`, `\n`,
//! `\f`, `\r` or four lower-case hexadecimal digits, and nothing else. That is how `serde_json` writes
//! them. There are no numbers in these bodies.

use chrono::{DateTime, SecondsFormat, Utc};
use reef_domain::RuntimeId;
use serde::Serialize;

/// One delivery in Thermidora's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThermidoraBody<'a> {
    /// The runtime it is about; `None`: a test of a webhook of all runtimes.
    pub instance_id: Option<&'a RuntimeId>,
    /// The slug of the agent it is about, where it has one.
    pub agent_slug: Option<&'a str>,
    /// What it tells.
    pub data: ThermidoraData<'a>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// What a delivery in Thermidora's form tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ThermidoraData<'a> {
    /// `cron.completed`.
    #[serde(rename_all = "camelCase")]
    CronCompleted {
        /// The result.
        content: &'a str,
        /// Name of the job.
        job_name: &'a str,
    },
    /// `agent.message`.
    #[serde(rename_all = "camelCase")]
    AgentMessage {
        /// Id of the message.
        message_id: &'a str,
        /// What was said.
        content: &'a str,
        /// Who said it.
        sender: ThermidoraSender<'a>,
    },
    /// `agent.error`.
    AgentError {
        /// What went wrong.
        message: &'a str,
    },
    /// `test`.
    Test {
        /// A text for people.
        message: &'a str,
    },
}

/// Who sent a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThermidoraSender<'a> {
    /// `human` or `agent`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl ThermidoraData<'_> {
    /// What subscribers call the event.
    pub fn event(&self) -> &'static str {
        match self {
            Self::CronCompleted { .. } => "cron.completed",
            Self::AgentMessage { .. } => "agent.message",
            Self::AgentError { .. } => "agent.error",
            Self::Test { .. } => "test",
        }
    }
}

/// The members in the documented order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    event_type: &'static str,
    instance_id: Option<&'a RuntimeId>,
    agent_slug: Option<&'a str>,
    data: &'a ThermidoraData<'a>,
    timestamp: String,
}

impl ThermidoraBody<'_> {
    /// The bytes that are sent.
    pub fn to_json(&self) -> String {
        let wire = Wire {
            event_type: self.data.event(),
            instance_id: self.instance_id,
            agent_slug: self.agent_slug,
            data: &self.data,
            timestamp: self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        serde_json::to_string(&wire).expect("texts under fixed names can be written")
    }
}

#[cfg(test)]
mod tests;
