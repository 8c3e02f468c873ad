//! Files that owners wrote into the workspaces of their agents. Contents stay sealed here; whoever shows them
//! opens them.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AgentId, AnyEvent, Decider, Envelope,
    workspace_file::{WorkspaceFiles as Files, WorkspaceFilesEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A workspace file as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceFileDoc {
    /// The agent and the path: `<agent_id>/<path>`.
    pub id: String,
    /// Who pays.
    pub account_id: AccountId,
    /// Whose workspace it is in.
    pub agent_id: AgentId,
    /// Where, such as `SOUL.md`.
    pub path: String,
    /// Number of the change that wrote it.
    pub revision: u64,
    /// How large it is, in bytes.
    pub bytes: u64,
    /// What it holds, sealed under the agent's data key.
    pub content_sealed: String,
    /// When it was written first.
    pub created_at: DateTime<Utc>,
    /// When it was written last.
    pub updated_at: DateTime<Utc>,
}

/// Id of the document of an agent's file.
fn id_of(agent: &str, path: &str) -> String {
    format!("{agent}/{path}")
}

impl Document for WorkspaceFileDoc {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.agent_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of workspace files.
#[derive(Debug)]
pub struct WorkspaceFiles;

impl Projection for WorkspaceFiles {
    type Doc = WorkspaceFileDoc;
    const NAME: &'static str = "workspace_files";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["path"];
    const PARENT: Option<&'static str> = Some("agent_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let AnyEvent::WorkspaceFiles(event) = &envelope.event else {
            return vec![];
        };
        let agent = &envelope.aggregate_id;
        match event {
            WorkspaceFilesEvent::Written { path, .. } | WorkspaceFilesEvent::Removed { path, .. } => {
                vec![Touch::one(id_of(agent, path))]
            }
            WorkspaceFilesEvent::Purged {} => vec![Touch::PurgeChildrenOf(agent.clone())],
        }
    }

    fn fold(doc: Option<WorkspaceFileDoc>, envelope: &Envelope) -> Option<WorkspaceFileDoc> {
        let AnyEvent::WorkspaceFiles(event) = &envelope.event else {
            return doc;
        };
        match event {
            WorkspaceFilesEvent::Written {
                account_id,
                path,
                revision,
                bytes,
                content_sealed,
                ..
            } => Some(WorkspaceFileDoc {
                id: id_of(&envelope.aggregate_id, path),
                account_id: account_id.clone(),
                agent_id: AgentId::new(envelope.aggregate_id.clone()),
                path: path.clone(),
                revision: *revision,
                bytes: *bytes,
                content_sealed: content_sealed.clone(),
                created_at: doc.map_or(envelope.recorded_at, |doc| doc.created_at),
                updated_at: envelope.recorded_at,
            }),
            WorkspaceFilesEvent::Removed { .. } | WorkspaceFilesEvent::Purged {} => None,
        }
    }

    fn source(_: &str, parent_id: Option<&str>) -> Option<Source> {
        parent_id.map(|parent| Source {
            aggregate_type: Files::TYPE,
            aggregate_id: parent.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
