//! Agents: deployed from templates, started, stopped, removed.

mod create;
mod deploy;
mod removal;

use std::collections::BTreeMap;

use reef_domain::{
    AgentId, PolicyId, RefusalKind,
    account::Account,
    agent::{Agent, AgentCommand, AgentStatus, AgentStopReason},
    policy::Policy,
    reservation::{Reservation, ReservationCommand},
    runtime::{Runtime, RuntimeCommand, RuntimeStatus, RuntimeStopReason, Tenancy},
    workspace_file::{WorkspaceFiles, WorkspaceFilesCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Audience, CommandError, CommandSpec, Loaded, Outcome, Unit, UseCase,
    runtime::{convergence_deadline, require_funds},
    workspace_file,
};

pub use create::{CreateAgent, main_conversation};
pub use deploy::DeployAgent;

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<CreateAgent>(),
    CommandSpec::of::<DeployAgent>(),
    CommandSpec::of::<StartAgent>(),
    CommandSpec::of::<StopAgent>(),
    CommandSpec::of::<RestartAgent>(),
    CommandSpec::of::<UpdateAgent>(),
    CommandSpec::of::<AttachAgentPolicy>(),
    CommandSpec::of::<DetachAgentPolicy>(),
    CommandSpec::of::<DeleteAgent>(),
];

/// The stream that counts the active agents of a user, or of an account where no user is known.
fn active_agents(agent: &Agent) -> String {
    let owner = agent.owner_user_id.as_ref().map(AsRef::as_ref);
    format!(
        "active-agents/{}",
        owner
            .or(agent.account_id.as_ref().map(AsRef::as_ref))
            .unwrap_or("-")
    )
}

pub(crate) async fn take_place(unit: &mut Unit<'_>, id: &AgentId, agent: &Agent) -> Result<(), CommandError> {
    let Some(account_id) = &agent.account_id else {
        return Ok(());
    };
    let limit = unit.owned::<Account>(account_id).await?.plan.max_active_agents;
    let claim = ReservationCommand::Claim {
        holder: id.to_string(),
        limit,
    };
    unit.decide::<Reservation>(active_agents(agent), claim).await?;
    Ok(())
}

pub(crate) async fn give_place_back(
    unit: &mut Unit<'_>,
    id: &AgentId,
    agent: &Agent,
) -> Result<(), CommandError> {
    let release = ReservationCommand::Release {
        holder: id.to_string(),
    };
    unit.decide::<Reservation>(active_agents(agent), release).await?;
    Ok(())
}

/// Brings up the agent's own runtime, if it has one and that is down. An agent whose runtime is gone, as a
/// machine that was removed, has nowhere to start.
async fn start_own_runtime(unit: &mut Unit<'_>, agent: &Loaded<Agent>) -> Result<(), CommandError> {
    let Some(runtime_id) = agent.runtime_id.clone() else {
        return Ok(());
    };
    let runtime = unit.load::<Runtime>(&runtime_id).await?;
    let down = match runtime.status {
        RuntimeStatus::Destroying | RuntimeStatus::Destroyed => {
            return Err(CommandError::refused(
                "runtime_gone",
                RefusalKind::Conflict,
                "the runtime it was on is gone; delete the agent and deploy it anew",
            ));
        }
        RuntimeStatus::Stopped | RuntimeStatus::Failed | RuntimeStatus::Stopping => true,
        RuntimeStatus::Provisioning | RuntimeStatus::Starting | RuntimeStatus::Running => false,
    };
    if !down || agent.tenancy == Tenancy::Shared {
        return Ok(());
    }
    if let Some(account_id) = &agent.account_id {
        require_funds(unit, account_id).await?;
    }
    let start = RuntimeCommand::Start {
        deadline: convergence_deadline(unit.now()),
    };
    unit.decide::<Runtime>(&runtime_id, start).await?;
    Ok(())
}

/// Starts a stopped or failed agent, with its own runtime. It counts as active again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartAgent {
    /// The agent.
    pub agent_id: AgentId,
}

impl UseCase for StartAgent {
    const NAME: &'static str = "StartAgent";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let agent = unit.edit::<Agent>(&self.agent_id).await?;
        if unit.decide::<Agent>(&self.agent_id, AgentCommand::Start).await? > 0 {
            take_place(unit, &self.agent_id, &agent).await?;
            start_own_runtime(unit, &agent).await?;
        }
        Ok(Outcome::of::<Agent>(&self.agent_id))
    }
}

/// Stops an agent, with its own runtime; its open tasks fail. It no longer counts as active.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopAgent {
    /// The agent.
    pub agent_id: AgentId,
}

impl UseCase for StopAgent {
    const NAME: &'static str = "StopAgent";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let agent = unit.edit::<Agent>(&self.agent_id).await?;
        let stop = AgentCommand::Stop {
            reason: AgentStopReason::Requested,
        };
        if unit.decide::<Agent>(&self.agent_id, stop).await? > 0 {
            give_place_back(unit, &self.agent_id, &agent).await?;
            if let (Tenancy::Dedicated, Some(runtime_id)) = (agent.tenancy, &agent.runtime_id) {
                let stop = RuntimeCommand::Stop {
                    reason: RuntimeStopReason::AgentStopped,
                };
                unit.decide::<Runtime>(runtime_id, stop).await?;
            }
        }
        Ok(Outcome::of::<Agent>(&self.agent_id))
    }
}

/// Brings an agent up anew; a stopped one is started.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartAgent {
    /// The agent.
    pub agent_id: AgentId,
}

impl UseCase for RestartAgent {
    const NAME: &'static str = "RestartAgent";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let agent = unit.edit::<Agent>(&self.agent_id).await?;
        unit.decide::<Agent>(&self.agent_id, AgentCommand::Restart)
            .await?;
        if agent.status != AgentStatus::Running {
            take_place(unit, &self.agent_id, &agent).await?;
            start_own_runtime(unit, &agent).await?;
        }
        Ok(Outcome::of::<Agent>(&self.agent_id))
    }
}

/// Renames an agent, asks for another model or writes workspace files; what is left out stays. Files reach its
/// runtime at once where that runs, else with its next start.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAgent {
    /// The agent.
    pub agent_id: AgentId,
    /// New name, 1 to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is called from now on where it speaks, 1 to 100 characters.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Model to ask for, 1 to 100 characters.
    #[serde(default)]
    pub model: Option<String>,
    /// Workspace files to write, path to text; null removes one.
    #[serde(default)]
    pub files: BTreeMap<String, Option<String>>,
}

impl UseCase for UpdateAgent {
    const NAME: &'static str = "UpdateAgent";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let agent = unit.edit::<Agent>(&self.agent_id).await?;
        let update = AgentCommand::Update {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            model: self.model.clone(),
        };
        unit.decide::<Agent>(&self.agent_id, update).await?;
        let account_id = unit.account(agent.account_id.as_ref())?;
        if workspace_file::change(unit, &account_id, &self.agent_id, &self.files).await? > 0 {
            push_now(unit, &self.agent_id).await?;
        }
        Ok(Outcome::of::<Agent>(&self.agent_id))
    }
}

/// Has the agent pushed as it is by then, if its runtime runs; if not, its start pushes it. The request is an
/// event of the runtime: to the agent itself nothing has happened.
async fn push_now(unit: &mut Unit<'_>, id: &AgentId) -> Result<(), CommandError> {
    let agent = unit.load::<Agent>(id).await?;
    let is_up = matches!(agent.status, AgentStatus::Provisioning | AgentStatus::Running);
    if let Some(runtime_id) = agent.runtime_id.as_ref().filter(|_| is_up) {
        let push = RuntimeCommand::PushAgent { agent_id: id.clone() };
        unit.decide::<Runtime>(runtime_id, push).await?;
    }
    Ok(())
}

/// Has a policy apply to an agent, at once where it runs. The policy it has already is pushed once more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachAgentPolicy {
    /// The agent.
    pub agent_id: AgentId,
    /// The policy.
    pub policy_id: PolicyId,
}

impl UseCase for AttachAgentPolicy {
    const NAME: &'static str = "AttachAgentPolicy";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Agent>(&self.agent_id).await?;
        unit.owned::<Policy>(&self.policy_id).await?;
        let attach = AgentCommand::AttachPolicy {
            policy_id: self.policy_id.clone(),
        };
        unit.decide::<Agent>(&self.agent_id, attach).await?;
        push_now(unit, &self.agent_id).await?;
        Ok(Outcome::of::<Agent>(&self.agent_id))
    }
}

/// Has no policy apply to an agent, at once where it runs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetachAgentPolicy {
    /// The agent.
    pub agent_id: AgentId,
}

impl UseCase for DetachAgentPolicy {
    const NAME: &'static str = "DetachAgentPolicy";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Agent>(&self.agent_id).await?;
        unit.decide::<Agent>(&self.agent_id, AgentCommand::DetachPolicy)
            .await?;
        push_now(unit, &self.agent_id).await?;
        Ok(Outcome::of::<Agent>(&self.agent_id))
    }
}

/// Removes an agent with its own runtime, conversations, secrets and files, for good.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteAgent {
    /// The agent.
    pub agent_id: AgentId,
}

impl UseCase for DeleteAgent {
    const NAME: &'static str = "DeleteAgent";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let agent = unit.edit::<Agent>(&self.agent_id).await?;
        begin_deletion(unit, &self.agent_id, &agent).await?;
        Ok(Outcome::of::<Agent>(&self.agent_id))
    }
}

/// Begins the deletion of an agent: what must not be read any more goes in the same append.
pub(crate) async fn begin_deletion(
    unit: &mut Unit<'_>,
    id: &AgentId,
    agent: &Agent,
) -> Result<(), CommandError> {
    unit.decide::<Agent>(id, AgentCommand::Delete).await?;
    give_place_back(unit, id, agent).await?;
    create::free_slug(unit, id, agent).await?;
    removal::fail_open_tasks(unit, id).await?;
    removal::purge_conversations(unit, id).await?;
    unit.decide::<WorkspaceFiles>(id, WorkspaceFilesCommand::Purge)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
