//! Skills that are installed, on a runtime for all its agents or on one agent. What they say is sealed under the
//! owner's data key before it is decided on, and opened to be shown or used.

mod content;

use std::collections::BTreeMap;

use reef_domain::{
    AccountId,
    agent::Agent,
    runtime::{Runtime, RuntimeStatus},
    skill::{Skill, SkillContent, is_skill_name},
    skill_installation::{
        NewInstallation, SkillInstallations, SkillInstallationsCommand, SkillKind, SkillOwner,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase, ports::VaultOwner};

pub use content::{SkillText, installed_for, open};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<InstallSkill>(),
    CommandSpec::of::<UninstallSkill>(),
];

/// Longest description of a skill, in characters.
const MAX_DESCRIPTION: usize = 1000;

/// Installs a skill of the catalogue, or one that is brought along, on a runtime for all its agents or on one agent.
/// Agents that run have it at once, others when they come up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallSkill {
    /// Who is to have it: `runtime/<id>` or `agent/<id>`.
    pub owner: SkillOwner,
    /// Its name, 1 to 64 lower-case letters, digits and dashes; of a skill of the catalogue its id.
    pub name: String,
    /// Where it comes from; where that is not said, from whoever sends files, else from the catalogue.
    #[serde(default)]
    pub kind: Option<SkillKind>,
    /// What a custom skill is good for, up to 1000 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Files of a custom skill, `SKILL.md` among them: path to text.
    #[serde(default)]
    pub files: Option<BTreeMap<String, String>>,
}

impl InstallSkill {
    /// Where it comes from, and what it says.
    async fn text(
        &self,
        unit: &mut Unit<'_>,
    ) -> Result<(SkillKind, Option<String>, SkillText), CommandError> {
        let kind = match (self.kind, &self.files) {
            (Some(kind), _) => kind,
            (None, Some(_)) => SkillKind::Custom,
            (None, None) => SkillKind::BuiltIn,
        };
        match (kind, &self.files) {
            (SkillKind::BuiltIn, Some(_)) => Err(CommandError::malformed(
                "files",
                "a skill of the catalogue has its own files",
            )),
            (SkillKind::BuiltIn, None) => {
                let content = listed(unit, &self.name).await?;
                let text = SkillText {
                    description: Some(content.description),
                    files: content.files,
                };
                Ok((kind, Some(content.version), text))
            }
            (SkillKind::Custom, files) => {
                let text = SkillText {
                    description: self.description.clone().filter(|text| !text.is_empty()),
                    files: files.clone().unwrap_or_default(),
                };
                check(&text)?;
                Ok((kind, None, text))
            }
        }
    }
}

/// The skill of the catalogue; it is looked at, not changed.
async fn listed(unit: &mut Unit<'_>, name: &str) -> Result<SkillContent, CommandError> {
    let unknown = || CommandError::Unknown {
        kind: "skill",
        id: name.to_owned(),
    };
    if !is_skill_name(name) {
        return Err(unknown());
    }
    let skill = unit.load::<Skill>(name).await?;
    if skill.published {
        Ok(skill.content.clone())
    } else {
        Err(unknown())
    }
}

/// What the decider cannot see of what is sealed.
fn check(text: &SkillText) -> Result<(), CommandError> {
    let description = text.description.as_deref().unwrap_or_default();
    if description.chars().count() > MAX_DESCRIPTION || description.contains('\0') {
        return Err(CommandError::malformed(
            "description",
            "a description has at most 1000 characters",
        ));
    }
    if text.files.values().any(|content| content.contains('\0')) {
        return Err(CommandError::malformed("files", "a file is a text without NUL"));
    }
    Ok(())
}

impl UseCase for InstallSkill {
    const NAME: &'static str = "InstallSkill";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "skills:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = account_of(unit, &self.owner).await?;
        let (kind, version, text) = self.text(unit).await?;
        let stream = self.owner.to_string();
        let sizes = text.files.iter();
        let mut new = NewInstallation {
            account_id: account_id.clone(),
            owner: self.owner.clone(),
            name: self.name.clone(),
            kind,
            version,
            files: sizes
                .map(|(path, content)| (path.clone(), content.len() as u64))
                .collect(),
            content_sealed: String::new(),
        };
        // Refuse before anything is sealed.
        let skills = unit.load::<SkillInstallations>(&stream).await?;
        let install = SkillInstallationsCommand::Install(new.clone());
        reef_domain::Decider::decide(&*skills.state, install)?;
        let purpose = content::purpose(&account_id, &self.owner, &self.name, skills.revision + 1);
        let plain = serde_json::to_vec(&text).map_err(|error| CommandError::Corrupt(error.to_string()))?;
        let vault = &unit.services().vault;
        new.content_sealed = vault.seal(&VaultOwner(stream.clone()), &purpose, &plain).await?.0;
        unit.decide::<SkillInstallations>(&stream, SkillInstallationsCommand::Install(new))
            .await?;
        Ok(Outcome::of::<SkillInstallations>(&stream))
    }
}

/// Takes a skill away from a runtime and all its agents, or from one agent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UninstallSkill {
    /// Who has it: `runtime/<id>` or `agent/<id>`.
    pub owner: SkillOwner,
    /// Its name.
    pub name: String,
}

impl UseCase for UninstallSkill {
    const NAME: &'static str = "UninstallSkill";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "skills:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        account_of(unit, &self.owner).await?;
        let stream = self.owner.to_string();
        let uninstall = SkillInstallationsCommand::Uninstall {
            owner: self.owner.clone(),
            name: self.name.clone(),
        };
        unit.decide::<SkillInstallations>(&stream, uninstall).await?;
        Ok(Outcome::of::<SkillInstallations>(&stream))
    }
}

/// The account the owner is in; refuses an owner that does not exist, is being removed or is not the caller's.
async fn account_of(unit: &mut Unit<'_>, owner: &SkillOwner) -> Result<AccountId, CommandError> {
    let account_id = match owner {
        SkillOwner::Runtime(id) => {
            let runtime = unit.owned::<Runtime>(id).await?;
            let leaves = runtime.status == RuntimeStatus::Destroying;
            runtime.account_id.clone().filter(|_| !leaves)
        }
        SkillOwner::Agent(id) => unit.owned::<Agent>(id).await?.account_id.clone(),
    };
    account_id.ok_or_else(|| CommandError::Unknown {
        kind: owner.kind(),
        id: owner.id().to_owned(),
    })
}

#[cfg(test)]
mod tests;
