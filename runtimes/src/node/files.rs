//! Agents' files as plain files: the machine is its owner's, who may read and change them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use reef_commands::ports::{LogError, Sealed, Workspace, WorkspaceEntry};
use reef_domain::AgentId;

/// Files below one folder: `agents/<id>/<path>`.
#[derive(Debug, Clone)]
pub struct LocalFiles {
    agents: PathBuf,
}

impl LocalFiles {
    /// Files in the node's own folder.
    pub fn new(state_dir: &Path) -> Self {
        Self {
            agents: state_dir.join("agents"),
        }
    }

    /// Ids of the agents that have files here.
    pub(super) async fn agents(&self) -> io::Result<Vec<AgentId>> {
        let mut ids = Vec::new();
        let mut folders = match tokio::fs::read_dir(&self.agents).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
            folders => folders?,
        };
        while let Some(folder) = folders.next_entry().await? {
            ids.extend(folder.file_name().to_str().and_then(decoded).map(AgentId::from));
        }
        Ok(ids)
    }

    fn folder(&self, agent: &AgentId) -> PathBuf {
        self.agents.join(encoded(agent.as_str()))
    }

    /// Where the file is; refuses a path that is not plainly below the agent's folder.
    fn place(&self, agent: &AgentId, path: &str) -> Result<PathBuf, LogError> {
        let mut place = self.folder(agent);
        for part in path.split('/') {
            if part.is_empty() || part == "." || part == ".." || part.contains(['\\', '\0', ':']) {
                return Err(LogError::Corrupt(format!(
                    "{path:?} is no path of a workspace file"
                )));
            }
            place.push(part);
        }
        Ok(place)
    }
}

/// Ids are any punctuation; names of folders are not.
fn encoded(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            name.push(char::from(byte));
        } else if write!(name, "%{byte:02x}").is_err() {
            return name;
        }
    }
    name
}

fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn failed(error: &io::Error) -> LogError {
    LogError::Unavailable {
        reason: error.to_string(),
        unknown: false,
    }
}

/// Every file below the folder, with its path; links are not followed.
async fn walk(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), root.to_owned())];
    while let Some((prefix, folder)) = open.pop() {
        let mut entries = match tokio::fs::read_dir(&folder).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.ends_with(TEMPORARY)) else {
                continue;
            };
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().await?;
            if kind.is_dir() {
                open.push((format!("{path}/"), entry.path()));
            } else if kind.is_file() {
                found.push((path, entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Ending of a file that is being written.
const TEMPORARY: &str = ".reef-tmp";

/// All of it or nothing, whenever the machine stops.
pub(super) async fn write_whole(place: &Path, content: &[u8]) -> io::Result<()> {
    let folder = place.parent().ok_or(io::ErrorKind::InvalidInput)?;
    tokio::fs::create_dir_all(folder).await?;
    let mut temporary = place.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    tokio::fs::write(&temporary, content).await?;
    tokio::fs::rename(&temporary, place).await
}

#[async_trait]
impl Workspace for LocalFiles {
    async fn files(&self, agent: &AgentId) -> Result<Vec<WorkspaceEntry>, LogError> {
        let mut entries = Vec::new();
        for (path, place) in walk(&self.folder(agent)).await.map_err(|error| failed(&error))? {
            // What is no text was put there by its owner, and is not the agent's to read.
            if let Ok(text) = tokio::fs::read_to_string(&place).await {
                let sealed = Sealed(text);
                entries.push(WorkspaceEntry { path, sealed });
            }
        }
        Ok(entries)
    }

    async fn file(&self, agent: &AgentId, path: &str) -> Result<Option<WorkspaceEntry>, LogError> {
        match tokio::fs::read_to_string(self.place(agent, path)?).await {
            Ok(text) => Ok(Some(WorkspaceEntry {
                path: path.to_owned(),
                sealed: Sealed(text),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    async fn write(&self, agent: &AgentId, files: BTreeMap<String, Sealed>) -> Result<(), LogError> {
        for (path, content) in files {
            let place = self.place(agent, &path)?;
            write_whole(&place, content.0.as_bytes())
                .await
                .map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    async fn remove_files(&self, agent: &AgentId, paths: &[String]) -> Result<(), LogError> {
        for path in paths {
            match tokio::fs::remove_file(self.place(agent, path)?).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    async fn purge(&self, agent: &AgentId) -> Result<(), LogError> {
        match tokio::fs::remove_dir_all(self.folder(agent)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&error)),
            _ => Ok(()),
        }
    }
}
