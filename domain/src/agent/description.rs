//! What an agent is called and which model it asks for: given at its creation, changed later.

use super::{Agent, AgentCommand, AgentEvent, AgentRefusal};
use crate::text;

impl Agent {
    pub(super) fn create(&self, command: AgentCommand) -> Result<Vec<AgentEvent>, AgentRefusal> {
        let AgentCommand::Create {
            agent_id,
            account_id,
            owner_user_id,
            name,
            slug,
            display_name,
            template_id,
            policy_id,
            bundle,
        } = command
        else {
            return Err(AgentRefusal::AgentNotFound);
        };
        if self.agent_id.is_some() {
            return Err(AgentRefusal::AgentAlreadyCreated);
        }
        let name = text::name(&name, 100).ok_or(AgentRefusal::NameInvalid)?;
        if slug.as_deref().is_some_and(|slug| !is_slug(slug)) {
            return Err(AgentRefusal::SlugInvalid);
        }
        let display_name = checked(display_name, AgentRefusal::DisplayNameInvalid)?;
        Ok(vec![AgentEvent::Created {
            agent_id,
            account_id,
            owner_user_id,
            name,
            slug,
            display_name,
            template_id,
            policy_id,
            bundle,
        }])
    }

    pub(super) fn update(
        &self,
        name: Option<String>,
        display_name: Option<String>,
        model: Option<String>,
    ) -> Result<Vec<AgentEvent>, AgentRefusal> {
        let name = checked(name, AgentRefusal::NameInvalid)?;
        let display_name = checked(display_name, AgentRefusal::DisplayNameInvalid)?;
        let model = checked(model, AgentRefusal::ModelInvalid)?;
        let name = name.filter(|name| *name != self.name);
        let display_name = display_name.filter(|name| self.display_name.as_ref() != Some(name));
        let model = model.filter(|model| *model != self.bundle.agent.model);
        if name.is_none() && display_name.is_none() && model.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![AgentEvent::Updated {
            name,
            display_name,
            model,
        }])
    }
}

/// Whether an agent may be addressed so: 2 to 32 lower-case letters, digits and hyphens, of which the first and
/// the last are no hyphens.
fn is_slug(slug: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (2..=32).contains(&slug.len())
        && slug.bytes().all(inner)
        && !slug.starts_with('-')
        && !slug.ends_with('-')
}

/// The trimmed text of 1 to 100 characters, where there is one.
fn checked(given: Option<String>, otherwise: AgentRefusal) -> Result<Option<String>, AgentRefusal> {
    given
        .map(|given| text::name(&given, 100).ok_or(otherwise))
        .transpose()
}
