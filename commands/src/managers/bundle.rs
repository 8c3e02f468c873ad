//! What an agent is to be on its runtime: gathered from the aggregates it is made of. What is pushed has the
//! rules as they are; what is worked by has the rules that were pushed last, because until the next push the
//! runtime knows no others.

use reef_domain::{AgentId, agent::Agent, policy::Policy, settings::Settings};

use crate::{Bus, CommandError, ports::AgentBundle, skill_installation::installed_for};

/// The bundle by which an agent works: with the rules that its runtime was given.
pub async fn bundle_in_force(
    bus: &Bus,
    agent_id: &AgentId,
    agent: &Agent,
) -> Result<AgentBundle, CommandError> {
    let mut bundle = bundle_of(bus, agent_id, agent).await?;
    if let Some(pushed) = &agent.pushed {
        bundle.policy_rules.clone_from(&pushed.rules);
    }
    Ok(bundle)
}

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
        installed_skills: installed_for(bus, agent_id, agent).await?,
        policy_rules,
        command_bundles,
        workspace: agent.bundle.workspace.clone(),
    })
}
