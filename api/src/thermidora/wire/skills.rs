//! Skills.

use std::collections::BTreeMap;

use reef_domain::skill_installation::SkillKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dialect::Millis;

/// Where a skill comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(in crate::thermidora) enum SkillType {
    /// It is there for everybody.
    #[serde(rename = "built-in")]
    BuiltIn,
    /// It was brought along.
    #[serde(rename = "custom")]
    Custom,
}

impl From<SkillType> for SkillKind {
    fn from(kind: SkillType) -> Self {
        match kind {
            SkillType::BuiltIn => Self::BuiltIn,
            SkillType::Custom => Self::Custom,
        }
    }
}

impl From<SkillKind> for SkillType {
    fn from(kind: SkillKind) -> Self {
        match kind {
            SkillKind::BuiltIn => Self::BuiltIn,
            SkillKind::Custom => Self::Custom,
        }
    }
}

/// A skill that is built in.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct BuiltInSkill {
    pub(in crate::thermidora) id: String,
    pub(in crate::thermidora) name: String,
    pub(in crate::thermidora) description: String,
    /// Always built-in.
    #[serde(rename = "type")]
    pub(in crate::thermidora) kind: SkillType,
}

/// A skill to be installed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::thermidora) struct InstallSkill {
    /// Of a built-in skill its id; else lower-case letters, digits and hyphens.
    #[schemars(length(min = 1, max = 64))]
    pub(in crate::thermidora) name: String,
    /// custom where there are files, else built-in.
    #[serde(default, rename = "type")]
    pub(in crate::thermidora) kind: Option<SkillType>,
    /// What a custom skill is good for.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub(in crate::thermidora) description: Option<String>,
    /// Files of a custom skill: path to text, `SKILL.md` among them. Up to 50 of 64 KiB, 256 KiB together.
    #[serde(default)]
    pub(in crate::thermidora) files: Option<BTreeMap<String, String>>,
}

/// A skill of an instance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::thermidora) struct InstalledSkill {
    pub(in crate::thermidora) name: String,
    #[serde(rename = "type")]
    pub(in crate::thermidora) kind: SkillType,
    pub(in crate::thermidora) description: Option<String>,
    pub(in crate::thermidora) installed_at: Millis,
}

/// Skills of an instance, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct InstalledSkills {
    pub(in crate::thermidora) skills: Vec<InstalledSkill>,
}

/// A skill that the instance has no more.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::thermidora) struct UninstalledSkill {
    pub(in crate::thermidora) name: String,
    /// Always true.
    pub(in crate::thermidora) deleted: bool,
}
