//! Template: the blueprint of an agent, in the catalogue that every account reads.
//!
//! **Invariant:** the default policy of a published template parses. Agents keep a copy of the bundle,
//! so revising or withdrawing a template changes no agent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AnyEvent, Decider, Refusal, RefusalKind, TemplateId, event::events, policy::Rules, text,
};

/// A template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its id, once it was published.
    pub template_id: Option<TemplateId>,
    /// Whether new agents can be made of it.
    pub published: bool,
    /// What it says.
    pub content: TemplateContent,
}

/// What a template says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateContent {
    /// Name in addresses: lower-case letters, digits and dashes, up to 64.
    pub slug: String,
    /// Display name, 1 to 100 characters.
    pub name: String,
    /// What it is good for.
    #[serde(default)]
    pub description: String,
    /// Name of its icon.
    #[serde(default)]
    pub icon: String,
    /// What an agent made of it starts with.
    pub bundle: Bundle,
    /// Policy rules proposed for it, one per line; may be empty.
    #[serde(default)]
    pub default_policy: String,
}

/// What an agent starts with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Model and skills.
    pub agent: BundleAgent,
    /// Workspace files to seed: path to text.
    #[serde(default)]
    pub workspace: BTreeMap<String, String>,
}

/// Model and skills of an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleAgent {
    /// Model asked for, such as `claude-sonnet-4-6`.
    pub model: String,
    /// Skills by name.
    #[serde(default)]
    pub skills: Vec<String>,
}

/// What a template can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplateCommand {
    /// Offer it, for the first time or again.
    Publish {
        /// Its id.
        template_id: TemplateId,
        /// What it says.
        content: TemplateContent,
    },
    /// Change what it says.
    Revise {
        /// What it says from now on.
        content: TemplateContent,
    },
    /// Offer it no longer.
    Withdraw,
}

events! {
    /// What can happen to a template.
    pub enum TemplateEvent {
        /// It is offered.
        Published = "TemplatePublished", 1 {
            /// Its id.
            template_id: TemplateId,
            /// What it says.
            content: TemplateContent,
        },
        /// It says something else.
        Revised = "TemplateRevised", 1 {
            /// What it says from now on.
            content: TemplateContent,
        },
        /// It is offered no longer.
        Withdrawn = "TemplateWithdrawn", 1 {},
    }
}

/// Why a template says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateRefusal {
    /// No such template is offered.
    #[error("there is no such template")]
    TemplateNotFound,
    /// It is offered with other content.
    #[error("the template is already published")]
    TemplateAlreadyPublished,
    /// The slug names the template for good.
    #[error("the slug of a template cannot change")]
    SlugFixed,
    /// Slug, name, model, skills or workspace are not acceptable.
    #[error("slug, name, model, skills or workspace of the template are not acceptable")]
    ContentInvalid,
    /// A rule of the default policy does not parse.
    #[error("line {line} of the default policy is not ALLOW, REQUIRE CONFIRM or DENY with a text")]
    DefaultPolicyInvalid {
        /// Which line, from 1.
        line: u32,
    },
}

impl Refusal for TemplateRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::TemplateNotFound => "template_not_found",
            Self::TemplateAlreadyPublished => "template_already_published",
            Self::SlugFixed => "slug_fixed",
            Self::ContentInvalid => "template_invalid",
            Self::DefaultPolicyInvalid { .. } => "default_policy_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::TemplateNotFound => RefusalKind::NotFound,
            Self::TemplateAlreadyPublished => RefusalKind::Conflict,
            Self::SlugFixed | Self::ContentInvalid | Self::DefaultPolicyInvalid { .. } => {
                RefusalKind::Invalid
            }
        }
    }
}

/// Largest template, all its texts together, in bytes.
const MAX_BYTES: usize = 256 * 1024;

impl TemplateContent {
    fn checked(self) -> Result<Self, TemplateRefusal> {
        let invalid = TemplateRefusal::ContentInvalid;
        let name = text::name(&self.name, 100).ok_or(invalid)?;
        let slug_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let slug_fits = (1..=64).contains(&self.slug.len()) && self.slug.chars().all(slug_char);
        let agent = &self.bundle.agent;
        let agent_fits = text::name(&agent.model, 100).is_some()
            && agent.skills.len() <= 100
            && agent.skills.iter().all(|skill| text::name(skill, 100).is_some());
        let workspace = &self.bundle.workspace;
        let paths_fit = workspace.len() <= 200 && workspace.keys().all(|path| is_workspace_path(path));
        let texts: Vec<&String> = workspace
            .values()
            .chain([&self.description, &self.icon, &self.default_policy])
            .collect();
        let bytes = texts.iter().map(|text| text.len()).fold(0, usize::saturating_add);
        let texts_fit = bytes <= MAX_BYTES && !texts.iter().any(|text| text.contains('\0'));
        if !(slug_fits && agent_fits && paths_fit && texts_fit) {
            return Err(invalid);
        }
        Rules::parse(&self.default_policy)
            .map_err(|error| TemplateRefusal::DefaultPolicyInvalid { line: error.line })?;
        Ok(Self { name, ..self })
    }
}

/// Whether the text is a relative path that stays inside the workspace.
fn is_workspace_path(path: &str) -> bool {
    let fits = (1..=200).contains(&path.len()) && !path.contains('\\') && !path.chars().any(char::is_control);
    fits && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

impl Decider for Template {
    const TYPE: &'static str = "template";
    type Command = TemplateCommand;
    type Event = TemplateEvent;
    type Refusal = TemplateRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            TemplateCommand::Publish { template_id, content } => {
                let content = content.checked()?;
                if self.published && self.content == content {
                    return Ok(vec![]);
                }
                if self.published {
                    return Err(TemplateRefusal::TemplateAlreadyPublished);
                }
                Ok(vec![TemplateEvent::Published { template_id, content }])
            }
            TemplateCommand::Revise { .. } | TemplateCommand::Withdraw if !self.published => {
                Err(TemplateRefusal::TemplateNotFound)
            }
            TemplateCommand::Revise { content } => {
                let content = content.checked()?;
                if self.content.slug != content.slug {
                    return Err(TemplateRefusal::SlugFixed);
                }
                if self.content == content {
                    return Ok(vec![]);
                }
                Ok(vec![TemplateEvent::Revised { content }])
            }
            TemplateCommand::Withdraw => Ok(vec![TemplateEvent::Withdrawn {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            TemplateEvent::Published { template_id, content } => {
                self.template_id = Some(template_id.clone());
                self.published = true;
                self.content = content.clone();
            }
            TemplateEvent::Revised { content } => self.content = content.clone(),
            TemplateEvent::Withdrawn {} => self.published = false,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        None
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Template(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
