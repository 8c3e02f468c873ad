//! Reading documents, and the bounded stores that are neither events nor views.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use reef_domain::{AccountId, AgentId};
use reef_projections::{Page, Projection, Query};

use super::LogError;

/// One document as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// Its id.
    pub id: Arc<str>,
    /// Owner; `None`: catalogue data.
    pub account_id: Option<AccountId>,
    /// What it belongs to.
    pub parent_id: Option<Arc<str>>,
    /// JSON text.
    pub payload: Arc<str>,
    /// Position of the event that created it.
    pub created_position: u64,
    /// Position of the last event folded in.
    pub position: u64,
}

/// The views.
#[async_trait]
pub trait Views: Send + Sync + 'static {
    /// One document, as of the last commit.
    async fn get(&self, view: &str, id: &str) -> Result<Option<Doc>, LogError>;
    /// Several documents by id; unknown ids are left out.
    async fn get_many(&self, view: &str, ids: &[String]) -> Result<Vec<Doc>, LogError>;
    /// A page, newest first. An unknown filter field matches nothing.
    async fn list(&self, view: &str, query: &Query) -> Result<Page<Doc>, LogError>;
    /// The newest documents that match, and how many match in all, both as of one commit (`after` is not
    /// looked at).
    async fn newest(&self, view: &str, query: &Query) -> Result<(Vec<Doc>, u64), LogError>;
    /// How many documents match (`after` and `limit` are not looked at).
    async fn count(&self, view: &str, query: &Query) -> Result<u64, LogError>;
    /// Builds these views (none named: all) anew in one pass over the log, beside the serving ones, and
    /// switches to them. Returns how many events were read.
    async fn rebuild(&self, views: &[String]) -> Result<u64, LogError>;
    /// SHA-256 over every document of a view in order of id, for comparing two builds.
    async fn digest(&self, view: &str) -> Result<[u8; 32], LogError>;
}

impl dyn Views {
    /// One document, typed.
    pub async fn doc<P: Projection>(&self, id: &str) -> Result<Option<P::Doc>, LogError> {
        self.get(P::NAME, id)
            .await?
            .map(|doc| decode::<P>(&doc))
            .transpose()
    }

    /// Several documents by id, typed; unknown ids are left out.
    pub async fn all_of<P: Projection>(&self, ids: &[String]) -> Result<Vec<P::Doc>, LogError> {
        let docs = self.get_many(P::NAME, ids).await?;
        docs.iter().map(decode::<P>).collect()
    }

    /// A typed page.
    pub async fn page<P: Projection>(&self, query: &Query) -> Result<Page<P::Doc>, LogError> {
        let page = self.list(P::NAME, query).await?;
        let data = page.data.iter().map(decode::<P>).collect::<Result<_, _>>()?;
        Ok(Page {
            data,
            next: page.next,
            position: page.position,
        })
    }

    /// The newest documents that match, typed, and how many match in all.
    pub async fn newest_of<P: Projection>(&self, query: &Query) -> Result<(Vec<P::Doc>, u64), LogError> {
        let (docs, total) = self.newest(P::NAME, query).await?;
        let docs = docs.iter().map(decode::<P>).collect::<Result<_, _>>()?;
        Ok((docs, total))
    }

    /// Every document that matches, newest first, over all pages.
    pub async fn all<P: Projection>(&self, mut query: Query) -> Result<Vec<P::Doc>, LogError> {
        query.limit = 500;
        let mut docs = Vec::new();
        loop {
            let page = self.page::<P>(&query).await?;
            docs.extend(page.data);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(docs),
            }
        }
    }
}

fn decode<P: Projection>(doc: &Doc) -> Result<P::Doc, LogError> {
    serde_json::from_str(&doc.payload)
        .map_err(|error| LogError::Corrupt(format!("document {} of {}: {error}", doc.id, P::NAME)))
}

/// One file of an agent's workspace, sealed under the agent's data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceEntry {
    /// Path within the workspace, such as `MEMORY.md`.
    pub path: String,
    /// Content, sealed.
    pub sealed: super::Sealed,
}

/// Workspace files of the embedded runtime: kept beside the log so that any node can serve the agent.
#[async_trait]
pub trait Workspace: Send + Sync + 'static {
    /// Every file of the agent.
    async fn files(&self, agent: &AgentId) -> Result<Vec<WorkspaceEntry>, LogError>;
    /// One file.
    async fn file(&self, agent: &AgentId, path: &str) -> Result<Option<WorkspaceEntry>, LogError>;
    /// Writes files; others stay.
    async fn write(&self, agent: &AgentId, files: BTreeMap<String, super::Sealed>) -> Result<(), LogError>;
    /// Removes files; others stay, absent ones are fine.
    async fn remove_files(&self, agent: &AgentId, paths: &[String]) -> Result<(), LogError>;
    /// Removes all of the agent's files.
    async fn purge(&self, agent: &AgentId) -> Result<(), LogError>;
}
