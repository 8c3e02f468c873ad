//! Skill: what agents can be taught, in the catalogue that everybody reads.
//!
//! A skill is a folder of texts with a `SKILL.md` that tells an agent what it is for and how it is used.
//! **Invariant:** what is published has a `SKILL.md` and keeps to the bounds of [`files`]. Installations keep a
//! copy of the files, so revising or withdrawing a skill changes none.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Refusal, RefusalKind, SkillId, event::events, text};

pub mod files;

use files::SkillFilesRefusal;

/// A skill of the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// Its id, once it was published.
    pub skill_id: Option<SkillId>,
    /// Whether it can be installed.
    pub published: bool,
    /// What it says.
    pub content: SkillContent,
}

/// What a skill says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillContent {
    /// Name in addresses, and its id: lower-case letters, digits and dashes, up to 64.
    pub slug: String,
    /// Display name, 1 to 100 characters.
    pub name: String,
    /// What it is good for, up to 1000 characters.
    #[serde(default)]
    pub description: String,
    /// Who wrote it, up to 100 characters.
    #[serde(default)]
    pub author: String,
    /// What it is filed under, up to 100 characters.
    #[serde(default)]
    pub category: String,
    /// Words to find it by; up to 20 of up to 100 characters.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its version, 1 to 100 characters, such as `1.0.0`.
    pub version: String,
    /// Its files, `SKILL.md` among them: path to text.
    pub files: BTreeMap<String, String>,
}

/// What a skill of the catalogue can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillCommand {
    /// Offer it, for the first time or again.
    Publish {
        /// Its id.
        skill_id: SkillId,
        /// What it says.
        content: SkillContent,
    },
    /// Change what it says.
    Revise {
        /// What it says from now on.
        content: SkillContent,
    },
    /// Offer it no longer.
    Withdraw,
}

events! {
    /// What can happen to a skill of the catalogue.
    pub enum SkillEvent {
        /// It is offered.
        Published = "SkillPublished", 1 {
            /// Its id.
            skill_id: SkillId,
            /// What it says.
            content: SkillContent,
        },
        /// It says something else.
        Revised = "SkillRevised", 1 {
            /// What it says from now on.
            content: SkillContent,
        },
        /// It is offered no longer.
        Withdrawn = "SkillWithdrawn", 1 {},
    }
}

/// Why a skill of the catalogue says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkillRefusal {
    /// No such skill is offered.
    #[error("there is no such skill")]
    SkillNotFound,
    /// It is offered with other content.
    #[error("the skill is already published")]
    SkillAlreadyPublished,
    /// The slug names the skill for good.
    #[error("the slug of a skill cannot change")]
    SlugFixed,
    /// Slug, name, version or one of the other texts is not acceptable.
    #[error("slug, name, version, description, author, category or tags of the skill are not acceptable")]
    ContentInvalid,
    /// Its files are not acceptable.
    #[error(transparent)]
    Files(#[from] SkillFilesRefusal),
}

impl Refusal for SkillRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::SkillNotFound => "skill_not_found",
            Self::SkillAlreadyPublished => "skill_already_published",
            Self::SlugFixed => "slug_fixed",
            Self::ContentInvalid => "skill_invalid",
            Self::Files(refusal) => refusal.code(),
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::SkillNotFound => RefusalKind::NotFound,
            Self::SkillAlreadyPublished => RefusalKind::Conflict,
            Self::SlugFixed | Self::ContentInvalid | Self::Files(_) => RefusalKind::Invalid,
        }
    }
}

/// Whether a skill may be called so: lower-case letters, digits and dashes, 1 to 64.
pub fn is_skill_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

impl SkillContent {
    fn checked(self) -> Result<Self, SkillRefusal> {
        let invalid = SkillRefusal::ContentInvalid;
        let name = text::name(&self.name, 100).ok_or(invalid)?;
        let version = text::name(&self.version, 100).ok_or(invalid)?;
        let fits = |text: &str, max: usize| text.chars().count() <= max && !text.contains(char::is_control);
        let texts_fit = fits(&self.description, 1000)
            && fits(&self.author, 100)
            && fits(&self.category, 100)
            && self.tags.len() <= 20
            && self.tags.iter().all(|tag| text::name(tag, 100).is_some());
        if !is_skill_name(&self.slug) || !texts_fit {
            return Err(invalid);
        }
        files::check(
            self.files
                .iter()
                .map(|(path, text)| (path.as_str(), text.len() as u64)),
        )?;
        if self.files.values().any(|text| text.contains('\0')) {
            return Err(invalid);
        }
        Ok(Self {
            name,
            version,
            ..self
        })
    }
}

impl Decider for Skill {
    const TYPE: &'static str = "skill";
    type Command = SkillCommand;
    type Event = SkillEvent;
    type Refusal = SkillRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            SkillCommand::Publish { skill_id, content } => {
                let content = content.checked()?;
                if self.published && self.content == content {
                    return Ok(vec![]);
                }
                if self.published {
                    return Err(SkillRefusal::SkillAlreadyPublished);
                }
                Ok(vec![SkillEvent::Published { skill_id, content }])
            }
            SkillCommand::Revise { .. } | SkillCommand::Withdraw if !self.published => {
                Err(SkillRefusal::SkillNotFound)
            }
            SkillCommand::Revise { content } => {
                let content = content.checked()?;
                if self.content.slug != content.slug {
                    return Err(SkillRefusal::SlugFixed);
                }
                if self.content == content {
                    return Ok(vec![]);
                }
                Ok(vec![SkillEvent::Revised { content }])
            }
            SkillCommand::Withdraw => Ok(vec![SkillEvent::Withdrawn {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            SkillEvent::Published { skill_id, content } => {
                self.skill_id = Some(skill_id.clone());
                self.published = true;
                self.content = content.clone();
            }
            SkillEvent::Revised { content } => self.content = content.clone(),
            SkillEvent::Withdrawn {} => self.published = false,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        None
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Skill(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
