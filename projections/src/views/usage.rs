//! What each agent used. Kept after the agent is gone: it holds figures only.

use chrono::{DateTime, Utc};
use reef_domain::{AccountId, AgentId, AnyEvent, Envelope, conversation::ConversationEvent, task::TaskEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TokenUsage;
use crate::{Document, Projection, Source, Touch};

/// What an agent used so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageDoc {
    /// The agent.
    pub id: AgentId,
    /// Who pays.
    pub account_id: AccountId,
    /// Replies and tasks completed.
    pub requests: u64,
    /// Model tokens read.
    pub input_tokens: u64,
    /// Model tokens written.
    pub output_tokens: u64,
    /// When it was used first.
    pub created_at: DateTime<Utc>,
    /// When it was used last.
    pub updated_at: DateTime<Utc>,
}

impl Document for UsageDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The agent that was used, and how much.
fn used(envelope: &Envelope) -> Option<(&AgentId, TokenUsage)> {
    if let AnyEvent::Task(TaskEvent::Completed {
        agent_id,
        input_tokens,
        output_tokens,
        ..
    })
    | AnyEvent::Conversation(ConversationEvent::ReplyCompleted {
        agent_id,
        input_tokens,
        output_tokens,
        ..
    }) = &envelope.event
    {
        return Some((
            agent_id,
            TokenUsage {
                input_tokens: *input_tokens,
                output_tokens: *output_tokens,
            },
        ));
    }
    None
}

/// The view of usage.
#[derive(Debug)]
pub struct Usages;

impl Projection for Usages {
    type Doc = UsageDoc;
    const NAME: &'static str = "usage";
    const VERSION: u32 = 1;

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        used(envelope)
            .map(|(agent, _)| Touch::one(agent))
            .into_iter()
            .collect()
    }

    fn fold(doc: Option<UsageDoc>, envelope: &Envelope) -> Option<UsageDoc> {
        let Some((agent, tokens)) = used(envelope) else {
            return doc;
        };
        let at = envelope.recorded_at;
        let mut doc = match doc {
            Some(doc) => doc,
            None => UsageDoc {
                id: agent.clone(),
                account_id: envelope.account_id.clone()?,
                requests: 0,
                input_tokens: 0,
                output_tokens: 0,
                created_at: at,
                updated_at: at,
            },
        };
        doc.requests += 1;
        doc.input_tokens = doc.input_tokens.saturating_add(tokens.input_tokens);
        doc.output_tokens = doc.output_tokens.saturating_add(tokens.output_tokens);
        doc.updated_at = at;
        Some(doc)
    }

    fn source(_: &str, _: Option<&str>) -> Option<Source> {
        None
    }
}

#[cfg(test)]
mod tests;
