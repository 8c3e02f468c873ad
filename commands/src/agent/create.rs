//! Making an agent on a shared runtime that runs: one append makes the agent, its workspace and its conversation.

use std::collections::BTreeMap;

use reef_domain::{
    AgentId, ConversationId, RefusalKind, RuntimeId,
    agent::{Agent, AgentCommand},
    conversation::{Conversation, ConversationCommand},
    reservation::{Reservation, ReservationCommand},
    runtime::{Runtime, RuntimeStatus, Tenancy},
    template::{Bundle, BundleAgent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::take_place;
use crate::{Audience, CommandError, Loaded, Outcome, Unit, UseCase, workspace_file};

/// Makes an agent on a shared runtime, which must run. Its slug is its own on that runtime until it is deleted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAgent {
    /// The runtime.
    pub runtime_id: RuntimeId,
    /// What its owner calls it, 1 to 100 characters; need not be unique.
    pub name: String,
    /// Its name in addresses, for good: 2 to 32 lower-case letters, digits and hyphens, first and last no hyphen.
    pub slug: String,
    /// What it is called where it speaks, 1 to 100 characters.
    pub display_name: String,
    /// Model to ask for, 1 to 100 characters.
    pub model: String,
    /// Whether it starts with the standard workspace files; absent: if no files are given.
    #[serde(default)]
    pub use_defaults: Option<bool>,
    /// Workspace files, path to text; they take the place of standard ones.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Id of the agent; made when absent.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

/// The one conversation that an agent of a shared runtime has from the beginning: it has the agent's id.
pub fn main_conversation(agent: &AgentId) -> ConversationId {
    ConversationId::from(agent.as_str())
}

/// The stream that keeps a slug unique on its runtime.
fn slug_reservation(runtime: &RuntimeId, slug: &str) -> String {
    format!("agent-slug/{runtime}/{slug}")
}

/// Frees the slug of an agent that is being deleted.
pub(super) async fn free_slug(unit: &mut Unit<'_>, id: &AgentId, agent: &Agent) -> Result<(), CommandError> {
    if let (Some(runtime), Some(slug)) = (&agent.runtime_id, &agent.slug) {
        let release = ReservationCommand::Release {
            holder: id.to_string(),
        };
        unit.decide::<Reservation>(slug_reservation(runtime, slug), release)
            .await?;
    }
    Ok(())
}

impl UseCase for CreateAgent {
    const NAME: &'static str = "CreateAgent";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let runtime = self.runtime(unit).await?;
        let account_id = unit.account(runtime.account_id.as_ref())?;
        let agent_id = self.agent_id.clone().unwrap_or_else(|| unit.new_id("agt_"));
        let agent = BundleAgent {
            model: self.model.clone(),
            skills: Vec::new(),
        };
        let create = AgentCommand::Create {
            agent_id: agent_id.clone(),
            account_id: account_id.clone(),
            owner_user_id: runtime.owner_user_id.clone(),
            name: self.name.clone(),
            slug: Some(self.slug.clone()),
            display_name: Some(self.display_name.clone()),
            template_id: None,
            policy_id: None,
            bundle: Bundle {
                agent,
                workspace: BTreeMap::new(),
            },
        };
        unit.decide::<Agent>(&agent_id, create).await?;
        workspace_file::change(unit, &account_id, &agent_id, &self.seed()).await?;
        if !runtime.is_running() {
            let message = "the agent's runtime is not running";
            return Err(CommandError::refused(
                "runtime_not_running",
                RefusalKind::NotReady,
                message,
            ));
        }
        self.claim_slug(unit, &agent_id).await?;
        let deploy = AgentCommand::Deploy {
            runtime_id: Some(self.runtime_id.clone()),
            tenancy: Tenancy::Shared,
        };
        unit.decide::<Agent>(&agent_id, deploy).await?;
        let agent = unit.load::<Agent>(&agent_id).await?;
        take_place(unit, &agent_id, &agent).await?;
        let conversation_id = main_conversation(&agent_id);
        let start = ConversationCommand::Start {
            conversation_id: conversation_id.clone(),
            account_id,
            agent_id: agent_id.clone(),
            user_id: agent.owner_user_id.clone(),
            channel: "api".to_owned(),
        };
        unit.decide::<Conversation>(&conversation_id, start).await?;
        Ok(Outcome::of::<Agent>(&agent_id))
    }
}

impl CreateAgent {
    async fn runtime(&self, unit: &mut Unit<'_>) -> Result<Loaded<Runtime>, CommandError> {
        let runtime = unit.owned::<Runtime>(&self.runtime_id).await?;
        if runtime.status == RuntimeStatus::Destroying {
            return Err(CommandError::Unknown {
                kind: "runtime",
                id: self.runtime_id.to_string(),
            });
        }
        if runtime.tenancy != Tenancy::Shared {
            return Err(CommandError::refused(
                "runtime_not_shared",
                RefusalKind::Conflict,
                "the runtime serves one agent only",
            ));
        }
        Ok(runtime)
    }

    /// The files it starts with.
    fn seed(&self) -> BTreeMap<String, Option<String>> {
        let mut files = if self.use_defaults.unwrap_or(self.files.is_empty()) {
            workspace_file::standard_files()
        } else {
            BTreeMap::new()
        };
        files.extend(self.files.clone());
        files
            .into_iter()
            .map(|(path, content)| (path, Some(content)))
            .collect()
    }

    async fn claim_slug(&self, unit: &mut Unit<'_>, id: &AgentId) -> Result<(), CommandError> {
        let reservation = slug_reservation(&self.runtime_id, &self.slug);
        if !unit.load::<Reservation>(&reservation).await?.holders.is_empty() {
            return Err(CommandError::refused(
                "slug_taken",
                RefusalKind::Conflict,
                format!("an agent of the runtime has the slug {}", self.slug),
            ));
        }
        let claim = ReservationCommand::Claim {
            holder: id.to_string(),
            limit: 1,
        };
        unit.decide::<Reservation>(&reservation, claim).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
