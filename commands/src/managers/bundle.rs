//! What an agent is to be on its runtime: gathered from the aggregates it is made of. What is pushed has the
//! rules as they are; what is worked by has the rules that were pushed last, because until the next push the
//! runtime knows no others.

use reef_domain::{
    AgentId, agent::Agent, policy::Policy, settings::Settings, workspace_file::WorkspaceFiles,
};

use crate::{
    Bus, CommandError,
    ports::{AgentBundle, OwnedFile, OwnedFiles},
    skill_installation::installed_for,
    workspace_file,
};

/// The bundle by which an agent works: with the rules that its runtime was given.
pub async fn bundle_in_force(
    bus: &Bus,
    agent_id: &AgentId,
    agent: &Agent,
) -> Result<AgentBundle, CommandError> {
    let mut bundle = described(bus, agent_id, agent).await?;
    if let Some(pushed) = &agent.pushed {
        bundle.policy_rules.clone_from(&pushed.rules);
    }
    Ok(bundle)
}

/// The bundle of an agent to be pushed: with the rules and its owner's files as they are at this moment.
pub async fn bundle_of(bus: &Bus, agent_id: &AgentId, agent: &Agent) -> Result<AgentBundle, CommandError> {
    let mut bundle = described(bus, agent_id, agent).await?;
    bundle.files = owned_files(bus, agent_id).await?;
    Ok(bundle)
}

/// What its owner wrote, all of it; `None`: nothing ever.
async fn owned_files(bus: &Bus, agent_id: &AgentId) -> Result<Option<OwnedFiles>, CommandError> {
    let Some(known) = bus.state::<WorkspaceFiles>(agent_id).await? else {
        return Ok(None);
    };
    let files = workspace_file::files_of(bus.services(), agent_id).await?;
    let files = files.into_iter().map(|(doc, content)| {
        let revision = doc.revision;
        (doc.path, OwnedFile { revision, content })
    });
    // Read after the revision: of a change in between, the next push tells.
    Ok(Some(OwnedFiles {
        revision: known.revision,
        files: files.collect(),
    }))
}

async fn described(bus: &Bus, agent_id: &AgentId, agent: &Agent) -> Result<AgentBundle, CommandError> {
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
        name: agent.display_name.clone().unwrap_or_else(|| agent.name.clone()),
        model: agent.bundle.agent.model.clone(),
        skills: agent.bundle.agent.skills.clone(),
        installed_skills: installed_for(bus, agent_id, agent).await?,
        policy_rules,
        command_bundles,
        workspace: agent.bundle.workspace.clone(),
        files: None,
    })
}
