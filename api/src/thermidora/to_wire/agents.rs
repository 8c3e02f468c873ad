//! Agents.

use chrono::{DateTime, Utc};
use reef_projections::views::{agent::AgentDoc, workspace_file::WorkspaceFileDoc};

use crate::thermidora::{agents::AgentPart, wire};

pub(in crate::thermidora) fn agent_label(agent: AgentPart) -> wire::AgentLabel {
    wire::AgentLabel {
        slug: agent.slug.unwrap_or_else(|| agent.id.clone()),
        agent_id: agent.id,
        status: wire::AgentStatus::Active,
    }
}

pub(in crate::thermidora) fn agent_row(agent: AgentPart) -> wire::AgentRow {
    wire::AgentRow {
        slug: agent.slug.unwrap_or_else(|| agent.id.clone()),
        display_name: agent.display_name.unwrap_or_else(|| agent.name.clone()),
        agent_id: agent.id,
        name: agent.name,
        model: agent.model,
        status: wire::AgentStatus::Active,
    }
}

/// Of a whole document, the part that lists show.
pub(in crate::thermidora) fn agent_part(doc: &AgentDoc) -> AgentPart {
    AgentPart {
        id: doc.id.to_string(),
        name: doc.name.clone(),
        slug: doc.slug.clone(),
        display_name: doc.display_name.clone(),
        model: doc.model.clone(),
        runtime_id: doc.runtime_id.clone(),
    }
}

pub(in crate::thermidora) fn new_agent(doc: &AgentDoc) -> wire::NewAgent {
    let row = agent_row(agent_part(doc));
    wire::NewAgent {
        agent_id: row.agent_id,
        slug: row.slug,
        display_name: row.display_name,
        model: row.model,
        status: row.status,
    }
}

pub(in crate::thermidora) fn agent(doc: &AgentDoc, files: Vec<(WorkspaceFileDoc, String)>) -> wire::Agent {
    let written = files.iter().map(|(file, _)| file.updated_at).max();
    let updated_at: DateTime<Utc> = written.map_or(doc.updated_at, |written| written.max(doc.updated_at));
    wire::Agent {
        row: agent_row(agent_part(doc)),
        files: files
            .into_iter()
            .map(|(file, content)| (file.path, content))
            .collect(),
        created_at: doc.created_at.into(),
        updated_at: updated_at.into(),
    }
}
