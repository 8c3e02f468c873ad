//! Sealed files in the workspace store.

use std::{collections::BTreeMap, sync::Arc};

use reef_commands::ports::{
    DriverError, LogError, RuntimeSpec, Sealed, Vault, VaultError, VaultOwner, Workspace, WorkspaceEntry,
};
use reef_domain::{AccountId, AgentId};

/// Whose files: an agent's, or a runtime's own.
#[derive(Debug, Clone)]
pub(super) struct Holder {
    account: AccountId,
    /// The store keeps runtimes' files beside agents', under the runtime's id.
    id: AgentId,
    owner: VaultOwner,
}

impl Holder {
    pub(super) fn agent(spec: &RuntimeSpec, agent: &AgentId) -> Self {
        Self {
            account: spec.account_id.clone(),
            id: agent.clone(),
            owner: VaultOwner::new("agent", agent),
        }
    }

    pub(super) fn runtime(spec: &RuntimeSpec) -> Self {
        let id = AgentId::from(spec.runtime_id.as_str());
        Self {
            account: spec.account_id.clone(),
            id,
            owner: VaultOwner::new("runtime", &spec.runtime_id),
        }
    }

    fn purpose(&self, path: &str) -> String {
        format!("{}/workspace/{}/{path}/content", self.account, self.id)
    }
}

/// Why a file could not be read or written.
#[derive(Debug)]
pub(super) enum FileError {
    /// The holder's data key was destroyed: its files are gone for good.
    Destroyed,
    /// Anything else.
    Failed(DriverError),
}

impl From<FileError> for DriverError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Destroyed => Self::Permanent("the files were deleted for good".to_owned()),
            FileError::Failed(error) => error,
        }
    }
}

impl From<LogError> for FileError {
    fn from(error: LogError) -> Self {
        let text = format!("workspace files: {error}");
        Self::Failed(match error {
            LogError::Corrupt(_) => DriverError::Permanent(text),
            LogError::Conflict(_)
            | LogError::AlreadyDone
            | LogError::Unavailable { .. }
            | LogError::Fenced => DriverError::Transient(text),
        })
    }
}

impl From<VaultError> for FileError {
    fn from(error: VaultError) -> Self {
        let text = format!("workspace files: {error}");
        match error {
            VaultError::Destroyed => Self::Destroyed,
            VaultError::Unavailable(_) => Self::Failed(DriverError::Transient(text)),
            VaultError::Absent | VaultError::Unopenable => Self::Failed(DriverError::Permanent(text)),
        }
    }
}

/// Files in clear on this side, sealed on the other.
#[derive(Clone)]
pub(super) struct SealedFiles {
    pub(super) workspace: Arc<dyn Workspace>,
    pub(super) vault: Arc<dyn Vault>,
}

impl SealedFiles {
    pub(super) async fn all(&self, holder: &Holder) -> Result<BTreeMap<String, String>, FileError> {
        let mut files = BTreeMap::new();
        for entry in self.workspace.files(&holder.id).await? {
            let content = self.open(holder, &entry).await?;
            files.insert(entry.path, content);
        }
        Ok(files)
    }

    pub(super) async fn read(&self, holder: &Holder, path: &str) -> Result<Option<String>, FileError> {
        match self.workspace.file(&holder.id, path).await? {
            Some(entry) => self.open(holder, &entry).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn write(
        &self,
        holder: &Holder,
        files: &BTreeMap<String, String>,
    ) -> Result<(), FileError> {
        let mut sealed: BTreeMap<String, Sealed> = BTreeMap::new();
        for (path, content) in files {
            let content = self
                .vault
                .seal(&holder.owner, &holder.purpose(path), content.as_bytes())
                .await?;
            sealed.insert(path.clone(), content);
        }
        if !sealed.is_empty() {
            self.workspace.write(&holder.id, sealed).await?;
        }
        Ok(())
    }

    /// Writes those files that are not there yet.
    pub(super) async fn seed(
        &self,
        holder: &Holder,
        mut files: BTreeMap<String, String>,
    ) -> Result<(), FileError> {
        for there in self.workspace.files(&holder.id).await? {
            files.remove(&there.path);
        }
        self.write(holder, &files).await
    }

    pub(super) async fn remove(&self, holder: &Holder, paths: &[String]) -> Result<(), FileError> {
        if paths.is_empty() {
            return Ok(());
        }
        Ok(self.workspace.remove_files(&holder.id, paths).await?)
    }

    pub(super) async fn purge(&self, holder: &Holder) -> Result<(), FileError> {
        Ok(self.workspace.purge(&holder.id).await?)
    }

    async fn open(&self, holder: &Holder, entry: &WorkspaceEntry) -> Result<String, FileError> {
        let plain = self
            .vault
            .open(&holder.owner, &holder.purpose(&entry.path), &entry.sealed)
            .await?;
        String::from_utf8(plain.to_vec()).map_err(|_| {
            FileError::Failed(DriverError::Permanent(format!(
                "the file {} is not a text",
                entry.path
            )))
        })
    }
}
