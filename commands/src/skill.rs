//! The catalogue of skills: what can be installed without bringing it along.

pub mod seed;

use reef_domain::{
    SkillId,
    skill::{Skill, SkillCommand, SkillContent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<PublishSkill>(),
    CommandSpec::of::<ReviseSkill>(),
    CommandSpec::of::<WithdrawSkill>(),
];

/// Offers a skill, for the first time or again after it was withdrawn. Its slug is its id.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PublishSkill {
    /// What it says.
    pub content: SkillContent,
}

impl UseCase for PublishSkill {
    const NAME: &'static str = "PublishSkill";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "skills:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let slug = &self.content.slug;
        let publish = SkillCommand::Publish {
            skill_id: SkillId::from(slug.as_str()),
            content: self.content.clone(),
        };
        unit.decide::<Skill>(slug, publish).await?;
        Ok(Outcome::of::<Skill>(slug))
    }
}

/// Changes what the skill with that slug says. What is installed stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ReviseSkill {
    /// What it says from now on; the slug stays.
    pub content: SkillContent,
}

impl UseCase for ReviseSkill {
    const NAME: &'static str = "ReviseSkill";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "skills:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let slug = &self.content.slug;
        unit.edit::<Skill>(slug).await?;
        let revise = SkillCommand::Revise {
            content: self.content.clone(),
        };
        unit.decide::<Skill>(slug, revise).await?;
        Ok(Outcome::of::<Skill>(slug))
    }
}

/// Offers a skill no longer. What is installed stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawSkill {
    /// The skill.
    pub skill_id: SkillId,
}

impl UseCase for WithdrawSkill {
    const NAME: &'static str = "WithdrawSkill";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "skills:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Skill>(&self.skill_id).await?;
        unit.decide::<Skill>(&self.skill_id, SkillCommand::Withdraw)
            .await?;
        Ok(Outcome::of::<Skill>(&self.skill_id))
    }
}

#[cfg(test)]
mod tests;
