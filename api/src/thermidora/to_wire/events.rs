//! What agents did.

use reef_projections::views::activity::{ActivityDoc, ActivitySource};

use crate::thermidora::wire;

/// The event with its content in clear; none is left once its key is destroyed.
pub(in crate::thermidora) fn event(doc: ActivityDoc, content: Option<String>) -> wire::Event {
    wire::Event {
        message_id: doc.id.to_string(),
        content: content.unwrap_or_default(),
        agent_slug: doc.agent_slug.unwrap_or_else(|| doc.agent_id.to_string()),
        sender: wire::EventSender {
            kind: doc.sender.kind,
            id: doc.sender.id,
            name: doc.sender.name,
        },
        source: match doc.source {
            ActivitySource::Cron => wire::EventSource::Cron,
            ActivitySource::Agent => wire::EventSource::Agent,
        },
        created_at: doc.created_at.into(),
    }
}
