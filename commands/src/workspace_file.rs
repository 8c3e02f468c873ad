//! Workspace files: what owners write into the workspaces of their agents. Contents are sealed under the agent's
//! data key before they are decided on, and opened to be pushed or shown.

mod standard;

use std::collections::BTreeMap;

use reef_domain::{
    AccountId, AgentId,
    workspace_file::{WorkspaceFiles, WorkspaceFilesCommand},
};
use reef_projections::{
    Filter, Query,
    views::workspace_file::{WorkspaceFileDoc, WorkspaceFiles as View},
};

use crate::{
    CommandError, Services, Unit,
    ports::{Sealed, VaultOwner},
};

pub use standard::standard_files;

/// What a file's content is bound to: it cannot be opened as another's, nor as an earlier one of the same file.
fn purpose(account: &AccountId, agent: &AgentId, path: &str, revision: u64) -> String {
    format!("{account}/workspace_file/{agent}/{path}/{revision}/content")
}

/// The files that the owner wrote, with what they hold.
pub async fn files_of(
    services: &Services,
    agent: &AgentId,
) -> Result<Vec<(WorkspaceFileDoc, String)>, CommandError> {
    let query = Query {
        filters: vec![Filter::Parent(agent.to_string())],
        ..Query::default()
    };
    let mut files = Vec::new();
    for doc in services.views.all::<View>(query).await? {
        let content = open(services, &doc).await?;
        files.push((doc, content));
    }
    Ok(files)
}

async fn open(services: &Services, doc: &WorkspaceFileDoc) -> Result<String, CommandError> {
    let owner = VaultOwner::new("agent", &doc.agent_id);
    let purpose = purpose(&doc.account_id, &doc.agent_id, &doc.path, doc.revision);
    let sealed = Sealed(doc.content_sealed.clone());
    let plain = services.vault.open(&owner, &purpose, &sealed).await?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

/// Writes and removes files (`None`), all of them or none; what would stay the same is left alone. Returns how
/// many changed.
pub(crate) async fn change(
    unit: &mut Unit<'_>,
    account: &AccountId,
    agent: &AgentId,
    files: &BTreeMap<String, Option<String>>,
) -> Result<usize, CommandError> {
    if files.is_empty() {
        return Ok(0);
    }
    let known: BTreeMap<String, String> = if unit.load::<WorkspaceFiles>(agent).await?.sequence == 0 {
        BTreeMap::new()
    } else {
        let known = files_of(unit.services(), agent).await?;
        known
            .into_iter()
            .map(|(doc, content)| (doc.path, content))
            .collect()
    };
    let mut changed = 0;
    // What goes makes room for what comes.
    for path in files
        .iter()
        .filter(|(_, content)| content.is_none())
        .map(|(path, _)| path)
    {
        let remove = WorkspaceFilesCommand::Remove { path: path.clone() };
        changed += unit.decide::<WorkspaceFiles>(agent, remove).await?;
    }
    for (path, content) in files {
        let Some(content) = content
            .as_ref()
            .filter(|content| known.get(path) != Some(content))
        else {
            continue;
        };
        let revision = unit.load::<WorkspaceFiles>(agent).await?.revision + 1;
        let owner = VaultOwner::new("agent", agent);
        let purpose = purpose(account, agent, path, revision);
        let sealed = unit
            .services()
            .vault
            .seal(&owner, &purpose, content.as_bytes())
            .await?;
        let write = WorkspaceFilesCommand::Write {
            account_id: account.clone(),
            agent_id: agent.clone(),
            path: path.clone(),
            bytes: content.len() as u64,
            content_sealed: sealed.0,
        };
        changed += unit.decide::<WorkspaceFiles>(agent, write).await?;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests;
