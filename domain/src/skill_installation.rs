//! Skills that are installed: on a runtime for all its agents, or on one agent.
//!
//! One stream per owner (`runtime/..`, `agent/..`). An installation keeps a copy of the files, whether they come
//! from the catalogue or from its owner.
//! **Invariants:** a name is installed once; number and sizes are bounded; contents are in events only sealed
//! under the owner's data key, and after the purge that goes with the owner nothing is ever installed again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AnyEvent, Decider,
    event::events,
    skill::{files, is_skill_name},
};

mod owner;
mod refusal;

pub use owner::{NotASkillOwner, SkillOwner};
pub use refusal::SkillInstallationsRefusal;

/// The skills of one owner, as far as decisions need them; contents are a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillInstallations {
    /// The account that owns the owner, once anything was installed.
    pub account_id: Option<AccountId>,
    /// Number of the last change; 0: there was none.
    pub revision: u64,
    /// Size of every skill that is installed, in bytes, by name.
    pub skills: BTreeMap<String, u64>,
    /// Whether the owner is gone.
    pub purged: bool,
}

/// Where an installed skill comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkillKind {
    /// From the catalogue.
    BuiltIn,
    /// From its owner.
    Custom,
}

/// A skill that is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstallation {
    /// The account that owns the owner.
    pub account_id: AccountId,
    /// Who is to have it.
    pub owner: SkillOwner,
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub kind: SkillKind,
    /// Its version, where it comes from the catalogue.
    pub version: Option<String>,
    /// Its files: path to size in bytes.
    pub files: BTreeMap<String, u64>,
    /// What it says, sealed under the owner's data key for the next revision.
    pub content_sealed: String,
}

/// What can be asked of an owner's skills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillInstallationsCommand {
    /// Install a skill.
    Install(NewInstallation),
    /// Take a skill away.
    Uninstall {
        /// Who has it.
        owner: SkillOwner,
        /// Which.
        name: String,
    },
    /// Forget all, for good: the owner is gone.
    Purge,
}

events! {
    /// What can happen to an owner's skills.
    pub enum SkillInstallationsEvent {
        /// A skill was installed.
        Installed = "SkillInstalled", 1 {
            /// The account that owns the owner.
            account_id: AccountId,
            /// Who has it.
            owner: SkillOwner,
            /// Its name.
            name: String,
            /// Where it comes from.
            kind: SkillKind,
            /// Its version, where it comes from the catalogue.
            version: Option<String>,
            /// Number of the change, from 1.
            revision: u64,
            /// Its files: path to size in bytes.
            files: BTreeMap<String, u64>,
            /// What it says, sealed.
            content_sealed: String,
        },
        /// A skill was taken away.
        Uninstalled = "SkillUninstalled", 1 {
            /// Who had it.
            owner: SkillOwner,
            /// Its name.
            name: String,
            /// Number of the change.
            revision: u64,
        },
        /// Everything is forgotten with the owner.
        Purged = "SkillInstallationsPurged", 1 {},
    }
}

impl SkillInstallations {
    /// Most skills of an owner.
    pub const MAX_SKILLS: u32 = 50;
    /// Most that all skills of an owner hold together, in bytes: an agent is told of all of them at once.
    pub const MAX_TOTAL_BYTES: u64 = 512 * 1024;

    fn install(&self, new: NewInstallation) -> Result<SkillInstallationsEvent, SkillInstallationsRefusal> {
        if !is_skill_name(&new.name) {
            return Err(SkillInstallationsRefusal::NameInvalid);
        }
        files::check(new.files.iter().map(|(path, bytes)| (path.as_str(), *bytes)))?;
        if self.skills.contains_key(&new.name) {
            return Err(SkillInstallationsRefusal::SkillAlreadyInstalled);
        }
        if self.skills.len() >= Self::MAX_SKILLS as usize {
            return Err(SkillInstallationsRefusal::TooManySkills {
                limit: Self::MAX_SKILLS,
            });
        }
        let held: u64 = self.skills.values().sum();
        if held.saturating_add(new.files.values().sum()) > Self::MAX_TOTAL_BYTES {
            return Err(SkillInstallationsRefusal::SkillsTooLarge {
                limit: Self::MAX_TOTAL_BYTES,
            });
        }
        Ok(SkillInstallationsEvent::Installed {
            account_id: new.account_id,
            owner: new.owner,
            name: new.name,
            kind: new.kind,
            version: new.version,
            revision: self.revision + 1,
            files: new.files,
            content_sealed: new.content_sealed,
        })
    }

    fn uninstall(
        &self,
        owner: SkillOwner,
        name: String,
    ) -> Result<SkillInstallationsEvent, SkillInstallationsRefusal> {
        if !self.skills.contains_key(&name) {
            return Err(SkillInstallationsRefusal::SkillNotInstalled);
        }
        Ok(SkillInstallationsEvent::Uninstalled {
            owner,
            name,
            revision: self.revision + 1,
        })
    }
}

impl Decider for SkillInstallations {
    const TYPE: &'static str = "skill_installation";
    type Command = SkillInstallationsCommand;
    type Event = SkillInstallationsEvent;
    type Refusal = SkillInstallationsRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            SkillInstallationsCommand::Purge if self.purged || self.revision == 0 => Ok(vec![]),
            SkillInstallationsCommand::Purge => Ok(vec![SkillInstallationsEvent::Purged {}]),
            SkillInstallationsCommand::Install(_) | SkillInstallationsCommand::Uninstall { .. }
                if self.purged =>
            {
                Err(SkillInstallationsRefusal::OwnerGone)
            }
            SkillInstallationsCommand::Install(new) => Ok(vec![self.install(new)?]),
            SkillInstallationsCommand::Uninstall { owner, name } => Ok(vec![self.uninstall(owner, name)?]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            SkillInstallationsEvent::Installed {
                account_id,
                name,
                revision,
                files,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.revision = *revision;
                self.skills.insert(name.clone(), files.values().sum());
            }
            SkillInstallationsEvent::Uninstalled { name, revision, .. } => {
                self.revision = *revision;
                self.skills.remove(name);
            }
            SkillInstallationsEvent::Purged {} => {
                self.skills.clear();
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
        if let AnyEvent::SkillInstallations(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
