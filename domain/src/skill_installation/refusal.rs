//! Why an owner's skills say no.

use crate::{Refusal, RefusalKind, skill::files::SkillFilesRefusal};

/// Why an owner's skills say no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkillInstallationsRefusal {
    /// The owner is gone.
    #[error("the owner of the skills no longer exists")]
    OwnerGone,
    /// Not a name for a skill.
    #[error("a skill's name has 1 to 64 lower-case letters, digits and dashes")]
    NameInvalid,
    /// Its files are not acceptable.
    #[error(transparent)]
    Files(#[from] SkillFilesRefusal),
    /// It is there.
    #[error("a skill of that name is installed already")]
    SkillAlreadyInstalled,
    /// It is not there.
    #[error("no skill of that name is installed")]
    SkillNotInstalled,
    /// Too many.
    #[error("at most {limit} skills can be installed")]
    TooManySkills {
        /// How many are possible.
        limit: u32,
    },
    /// Too large together.
    #[error("all skills that are installed have at most {limit} bytes together")]
    SkillsTooLarge {
        /// How many are possible.
        limit: u64,
    },
}

impl Refusal for SkillInstallationsRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::OwnerGone => "owner_gone",
            Self::NameInvalid => "skill_name_invalid",
            Self::Files(refusal) => refusal.code(),
            Self::SkillAlreadyInstalled => "skill_already_installed",
            Self::SkillNotInstalled => "skill_not_installed",
            Self::TooManySkills { .. } => "too_many_skills",
            Self::SkillsTooLarge { .. } => "skills_too_large",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::OwnerGone | Self::SkillNotInstalled => RefusalKind::NotFound,
            Self::NameInvalid | Self::Files(_) => RefusalKind::Invalid,
            Self::SkillAlreadyInstalled => RefusalKind::Conflict,
            Self::TooManySkills { .. } | Self::SkillsTooLarge { .. } => RefusalKind::LimitReached,
        }
    }
}
