//! What the files of a skill can be: the same for those of the catalogue and for those that people bring.

use crate::{
    Refusal, RefusalKind,
    workspace_file::{is_path, is_within},
};

/// The file that every skill has.
pub const SKILL_MD: &str = "SKILL.md";
/// Most files of a skill.
pub const MAX_FILES: u32 = 50;
/// Largest file, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Most that the files of a skill hold together, in bytes.
pub const MAX_BYTES: u64 = 256 * 1024;

/// Why files are not those of a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkillFilesRefusal {
    /// There is no `SKILL.md`, or nothing is in it.
    #[error("a skill has a file SKILL.md that says what it is for")]
    SkillMdMissing,
    /// A path would lead out of the skill's folder, or is no path at all.
    #[error(
        "a file's path is relative, has 1 to 200 bytes, stays within the folder of the skill and has no empty \
         part, backslash or colon"
    )]
    PathInvalid,
    /// A file cannot be a folder as well.
    #[error("a file of the skill would be a folder as well")]
    PathTaken,
    /// Too many.
    #[error("a skill has at most {limit} files")]
    TooManyFiles {
        /// How many are possible.
        limit: u32,
    },
    /// One of them is too large.
    #[error("a file of a skill has at most {limit} bytes")]
    FileTooLarge {
        /// How many are possible.
        limit: u64,
    },
    /// Too large together.
    #[error("the files of a skill have at most {limit} bytes together")]
    SkillTooLarge {
        /// How many are possible.
        limit: u64,
    },
}

impl Refusal for SkillFilesRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::SkillMdMissing => "skill_md_missing",
            Self::PathInvalid => "path_invalid",
            Self::PathTaken => "path_taken",
            Self::TooManyFiles { .. } => "too_many_files",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::SkillTooLarge { .. } => "skill_too_large",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::SkillMdMissing
            | Self::PathInvalid
            | Self::PathTaken
            | Self::TooManyFiles { .. }
            | Self::FileTooLarge { .. }
            | Self::SkillTooLarge { .. } => RefusalKind::Invalid,
        }
    }
}

/// Whether these can be the files of a skill, by their paths and sizes in bytes.
pub fn check<'a>(files: impl Iterator<Item = (&'a str, u64)>) -> Result<(), SkillFilesRefusal> {
    let files: Vec<(&str, u64)> = files.collect();
    if files.len() > MAX_FILES as usize {
        return Err(SkillFilesRefusal::TooManyFiles { limit: MAX_FILES });
    }
    if !files.iter().all(|(path, _)| is_path(path)) {
        return Err(SkillFilesRefusal::PathInvalid);
    }
    let is_folder = |path: &str| files.iter().any(|(other, _)| is_within(path, other));
    if files.iter().any(|(path, _)| is_folder(path)) {
        return Err(SkillFilesRefusal::PathTaken);
    }
    if !files.iter().any(|(path, bytes)| *path == SKILL_MD && *bytes > 0) {
        return Err(SkillFilesRefusal::SkillMdMissing);
    }
    if files.iter().any(|(_, bytes)| *bytes > MAX_FILE_BYTES) {
        return Err(SkillFilesRefusal::FileTooLarge {
            limit: MAX_FILE_BYTES,
        });
    }
    // At most fifty of at most 64 KiB: the sum is small.
    let total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    if total > MAX_BYTES {
        return Err(SkillFilesRefusal::SkillTooLarge { limit: MAX_BYTES });
    }
    Ok(())
}
