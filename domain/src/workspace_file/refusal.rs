//! Why an agent's workspace files say no.

use crate::{Refusal, RefusalKind};

/// Why an agent's workspace files say no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceFilesRefusal {
    /// The agent is gone.
    #[error("the agent of the files no longer exists")]
    AgentGone,
    /// It would lead out of the workspace, or is no path at all.
    #[error(
        "a file's path is relative, has 1 to 200 bytes, stays within the workspace and out of .reef, and has no \
         empty part, backslash or colon"
    )]
    PathInvalid,
    /// A file cannot be a folder as well.
    #[error("a file of the workspace would be a folder as well")]
    PathTaken,
    /// Too large.
    #[error("a file has at most {limit} bytes")]
    FileTooLarge {
        /// How many are possible.
        limit: u64,
    },
    /// Too many.
    #[error("a workspace has at most {limit} files")]
    TooManyFiles {
        /// How many are possible.
        limit: u32,
    },
    /// Too large together.
    #[error("the files of a workspace have at most {limit} bytes together")]
    WorkspaceFull {
        /// How many are possible.
        limit: u64,
    },
}

impl Refusal for WorkspaceFilesRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::AgentGone => "agent_not_found",
            Self::PathInvalid => "path_invalid",
            Self::PathTaken => "path_taken",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::TooManyFiles { .. } => "too_many_files",
            Self::WorkspaceFull { .. } => "workspace_full",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::AgentGone => RefusalKind::NotFound,
            Self::PathInvalid
            | Self::PathTaken
            | Self::FileTooLarge { .. }
            | Self::TooManyFiles { .. }
            | Self::WorkspaceFull { .. } => RefusalKind::Invalid,
        }
    }
}
