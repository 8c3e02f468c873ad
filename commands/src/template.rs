//! The template catalogue: what agents are made of.

pub mod seed;

use reef_domain::{
    TemplateId,
    template::{Template, TemplateCommand, TemplateContent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<PublishTemplate>(),
    CommandSpec::of::<ReviseTemplate>(),
    CommandSpec::of::<WithdrawTemplate>(),
];

/// The id of the template with that slug: slugs are unique by construction.
pub fn template_id(slug: &str) -> TemplateId {
    TemplateId::from(format!("tmpl_{slug}"))
}

/// Offers a template, for the first time or again after it was withdrawn. Its id is `tmpl_<slug>`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PublishTemplate {
    /// What it says.
    pub content: TemplateContent,
}

impl UseCase for PublishTemplate {
    const NAME: &'static str = "PublishTemplate";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "templates:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let template_id = template_id(&self.content.slug);
        let publish = TemplateCommand::Publish {
            template_id: template_id.clone(),
            content: self.content.clone(),
        };
        unit.decide::<Template>(&template_id, publish).await?;
        Ok(Outcome::of::<Template>(&template_id))
    }
}

/// Changes what the template with that slug says. Agents made of it before stay as they are.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ReviseTemplate {
    /// What it says from now on; the slug stays.
    pub content: TemplateContent,
}

impl UseCase for ReviseTemplate {
    const NAME: &'static str = "ReviseTemplate";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "templates:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let template_id = template_id(&self.content.slug);
        unit.edit::<Template>(&template_id).await?;
        let revise = TemplateCommand::Revise {
            content: self.content.clone(),
        };
        unit.decide::<Template>(&template_id, revise).await?;
        Ok(Outcome::of::<Template>(&template_id))
    }
}

/// Offers a template no longer. Agents made of it stay as they are.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawTemplate {
    /// The template.
    pub template_id: TemplateId,
}

impl UseCase for WithdrawTemplate {
    const NAME: &'static str = "WithdrawTemplate";
    const AUDIENCE: Audience = Audience::Operator;
    const SCOPE: &'static str = "templates:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Template>(&self.template_id).await?;
        unit.decide::<Template>(&self.template_id, TemplateCommand::Withdraw)
            .await?;
        Ok(Outcome::of::<Template>(&self.template_id))
    }
}

#[cfg(test)]
mod tests;
