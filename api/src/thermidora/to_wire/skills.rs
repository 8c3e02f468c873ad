//! Skills.

use reef_projections::views::{skill::SkillDoc, skill_installation::SkillInstallationDoc};

use crate::thermidora::wire;

pub(in crate::thermidora) fn built_in_skill(doc: SkillDoc) -> wire::BuiltInSkill {
    wire::BuiltInSkill {
        id: doc.id.to_string(),
        name: doc.name,
        description: doc.description,
        kind: wire::SkillType::BuiltIn,
    }
}

pub(in crate::thermidora) fn installed_skill(
    doc: SkillInstallationDoc,
    description: Option<String>,
) -> wire::InstalledSkill {
    wire::InstalledSkill {
        name: doc.name,
        kind: doc.kind.into(),
        description,
        installed_at: doc.created_at.into(),
    }
}
