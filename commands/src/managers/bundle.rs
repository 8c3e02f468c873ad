//! What an agent is to be on its runtime now: gathered from the aggregates it is made of.

use reef_domain::{AgentId, agent::Agent, policy::Policy, settings::Settings};

use crate::{Bus, CommandError, ports::AgentBundle};

/// The bundle of an agent, with the rules as they are at this moment.
pub async fn bundle_of(bus: &Bus, agent_id: &AgentId, agent: &Agent) -> Result<AgentBundle, CommandError> {
    let policy_rules = match &agent.policy_id {
        Some(policy) => bus
            .state::<Policy>(policy)
            .await?
            .map(|policy| policy.rules.clone()),
        None => None,
    };
    let settings = match &agent.owner_user_id {
        Some(user) => bus.state::<Settings>(user).await?,
        None => None,
    };
    let command_bundles = settings.map_or_else(Vec::new, |settings| {
        settings
            .bundles
            .iter()
            .map(|bundle| bundle.name().to_owned())
            .collect()
    });
    Ok(AgentBundle {
        agent_id: agent_id.clone(),
        name: agent.name.clone(),
        model: agent.bundle.agent.model.clone(),
        skills: agent.bundle.agent.skills.clone(),
        policy_rules,
        command_bundles,
        workspace: agent.bundle.workspace.clone(),
    })
}
