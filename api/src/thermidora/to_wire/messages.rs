//! Messages and their senders.

use reef_commands::conversation::{Author, AuthorKind};
use reef_projections::views::{account::AccountDoc, agent::AgentDoc};

use crate::thermidora::wire;

/// Who writes a message: what is not said is the account's.
pub(in crate::thermidora) fn author(given: Option<wire::GivenSender>, account: &AccountDoc) -> Author {
    let given = given.unwrap_or_default();
    let kind = match given.kind {
        wire::SenderType::Human => AuthorKind::Human,
        wire::SenderType::Agent => AuthorKind::Agent,
    };
    let name = given.name.or_else(|| given.id.clone());
    Author {
        kind,
        id: given.id.unwrap_or_else(|| account.id.to_string()),
        name: name.unwrap_or_else(|| account.name.clone()),
    }
}

pub(in crate::thermidora) fn sender(author: Author) -> wire::Sender {
    wire::Sender {
        kind: match author.kind {
            AuthorKind::Human => wire::SenderType::Human,
            AuthorKind::Agent => wire::SenderType::Agent,
        },
        id: author.id,
        name: author.name,
    }
}

/// The agent, as the sender of its replies.
pub(in crate::thermidora) fn agent_sender(agent: &AgentDoc) -> wire::Sender {
    let slug = agent.slug.clone().unwrap_or_else(|| agent.id.to_string());
    wire::Sender {
        kind: wire::SenderType::Agent,
        id: slug,
        name: agent.display_name.clone().unwrap_or_else(|| agent.name.clone()),
    }
}
