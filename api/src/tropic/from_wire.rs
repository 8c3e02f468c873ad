//! From the wire to commands.

use reef_commands::{agent::DeployAgent, policy::CreatePolicy};
use reef_domain::settings::CommandBundle;

use super::wire;
use crate::{Problem, dialect::named};

pub(super) fn create_policy(body: wire::CreatePolicy) -> CreatePolicy {
    CreatePolicy {
        name: body.name,
        rules: body.rules,
        ..CreatePolicy::default()
    }
}

pub(super) fn deploy_agent(body: wire::DeployAgent) -> Result<DeployAgent, Problem> {
    Ok(DeployAgent {
        template_id: named("template", &body.template_id)?,
        name: body.name,
        policy_id: body.policy_id.map(|id| named("policy", &id)).transpose()?,
        agent_id: None,
        account_id: None,
        user_id: None,
        runtime_id: None,
    })
}

pub(super) fn command_bundles(body: &wire::CommandBundles) -> Vec<CommandBundle> {
    let bundles = body.bundles.iter().map(|bundle| match bundle {
        wire::CommandBundle::BrowserSearch => CommandBundle::BrowserSearch,
        wire::CommandBundle::CodeExecution => CommandBundle::CodeExecution,
        wire::CommandBundle::OsCommands => CommandBundle::OsCommands,
    });
    bundles.collect()
}
