//! Workspace files: what the owner of an agent has written into its workspace.
//!
//! One stream per agent. What the agent writes there itself, such as its memory, stays on its runtime; what its
//! owner writes takes the place of what is there, once per revision.
//! **Invariants:** a path stays within the workspace and out of `.reef/`; no file is also a folder; number and
//! sizes are bounded; contents are in events only sealed under the agent's data key, and after the purge that
//! goes with the agent nothing is ever written again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AccountId, AgentId, AnyEvent, Decider, event::events};

mod path;
mod refusal;

pub use path::is_path;
pub(crate) use path::is_within;
pub use refusal::WorkspaceFilesRefusal;

/// The files of one agent, as far as decisions need them; contents are a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceFiles {
    /// Who pays, once a file was written.
    pub account_id: Option<AccountId>,
    /// Number of the last change; 0: there was none.
    pub revision: u64,
    /// Every file, by path.
    pub files: BTreeMap<String, WrittenFile>,
    /// Whether the agent is gone.
    pub purged: bool,
}

/// A file as it was written last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// The change that wrote it.
    pub revision: u64,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// What can be asked of an agent's workspace files.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkspaceFilesCommand {
    /// Write a file, in the place of what it holds.
    Write {
        /// Who pays.
        account_id: AccountId,
        /// Whose workspace.
        agent_id: AgentId,
        /// Where, such as `SOUL.md` or `docs/prices.md`.
        path: String,
        /// How large it is, in bytes.
        bytes: u64,
        /// What it holds, sealed under the agent's data key for the next revision.
        content_sealed: String,
    },
    /// Remove a file. One that is not there changes nothing.
    Remove {
        /// Where.
        path: String,
    },
    /// Forget all, for good: the agent is gone.
    Purge,
}

events! {
    /// What can happen to an agent's workspace files.
    pub enum WorkspaceFilesEvent {
        /// A file was written.
        Written = "WorkspaceFileWritten", 1 {
            /// Who pays.
            account_id: AccountId,
            /// Whose workspace.
            agent_id: AgentId,
            /// Where.
            path: String,
            /// Number of the change, from 1.
            revision: u64,
            /// How large it is, in bytes.
            bytes: u64,
            /// What it holds, sealed.
            content_sealed: String,
        },
        /// A file was removed.
        Removed = "WorkspaceFileRemoved", 1 {
            /// Where.
            path: String,
            /// Number of the change.
            revision: u64,
        },
        /// Everything is forgotten with the agent.
        Purged = "WorkspaceFilesPurged", 1 {},
    }
}

impl WorkspaceFiles {
    /// Most files of an agent.
    pub const MAX_FILES: u32 = 100;
    /// Largest file, in bytes.
    pub const MAX_FILE_BYTES: u64 = 64 * 1024;
    /// Most that all files of an agent hold together, in bytes.
    pub const MAX_TOTAL_BYTES: u64 = 1024 * 1024;

    fn check(&self, path: &str, bytes: u64) -> Result<(), WorkspaceFilesRefusal> {
        if !is_path(path) {
            return Err(WorkspaceFilesRefusal::PathInvalid);
        }
        if bytes > Self::MAX_FILE_BYTES {
            return Err(WorkspaceFilesRefusal::FileTooLarge {
                limit: Self::MAX_FILE_BYTES,
            });
        }
        let others = || self.files.iter().filter(|(other, _)| *other != path);
        if others().any(|(other, _)| is_within(other, path) || is_within(path, other)) {
            return Err(WorkspaceFilesRefusal::PathTaken);
        }
        if others().count() >= Self::MAX_FILES as usize {
            return Err(WorkspaceFilesRefusal::TooManyFiles {
                limit: Self::MAX_FILES,
            });
        }
        let held: u64 = others().map(|(_, file)| file.bytes).sum();
        if held.saturating_add(bytes) > Self::MAX_TOTAL_BYTES {
            return Err(WorkspaceFilesRefusal::WorkspaceFull {
                limit: Self::MAX_TOTAL_BYTES,
            });
        }
        Ok(())
    }
}

impl Decider for WorkspaceFiles {
    const TYPE: &'static str = "workspace_file";
    type Command = WorkspaceFilesCommand;
    type Event = WorkspaceFilesEvent;
    type Refusal = WorkspaceFilesRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        let revision = self.revision.saturating_add(1);
        match command {
            WorkspaceFilesCommand::Purge if self.purged || self.revision == 0 => Ok(vec![]),
            WorkspaceFilesCommand::Purge => Ok(vec![WorkspaceFilesEvent::Purged {}]),
            WorkspaceFilesCommand::Write { .. } | WorkspaceFilesCommand::Remove { .. } if self.purged => {
                Err(WorkspaceFilesRefusal::AgentGone)
            }
            WorkspaceFilesCommand::Write {
                account_id,
                agent_id,
                path,
                bytes,
                content_sealed,
            } => {
                self.check(&path, bytes)?;
                Ok(vec![WorkspaceFilesEvent::Written {
                    account_id,
                    agent_id,
                    path,
                    revision,
                    bytes,
                    content_sealed,
                }])
            }
            WorkspaceFilesCommand::Remove { path } if self.files.contains_key(&path) => {
                Ok(vec![WorkspaceFilesEvent::Removed { path, revision }])
            }
            WorkspaceFilesCommand::Remove { .. } => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            WorkspaceFilesEvent::Written {
                account_id,
                path,
                revision,
                bytes,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.revision = *revision;
                let written = WrittenFile {
                    revision: *revision,
                    bytes: *bytes,
                };
                self.files.insert(path.clone(), written);
            }
            WorkspaceFilesEvent::Removed { path, revision } => {
                self.revision = *revision;
                self.files.remove(path);
            }
            WorkspaceFilesEvent::Purged {} => {
                self.files.clear();
                self.purged = true;
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        self.purged
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::WorkspaceFiles(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
