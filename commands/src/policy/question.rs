//! What would be allowed: asked beforehand, changes nothing.

use reef_domain::{
    AgentId, PolicyId,
    agent::Agent,
    policy::{Policy, Rules, Verdict, evaluate},
    settings::Settings,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bus, Caller, CommandError, Loaded};

/// Asks what a policy says about a text: of rules given with the question, of a stored policy, or of an
/// agent as it is now (its policy, or without one its owner's command bundles). Exactly one is named.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyQuestion {
    /// What is to be done, in words.
    pub text: String,
    /// Rules to judge by, one per line.
    #[serde(default)]
    pub rules: Option<String>,
    /// The policy to judge by.
    #[serde(default)]
    pub policy_id: Option<PolicyId>,
    /// The agent to judge as.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

impl PolicyQuestion {
    /// The answer, for a caller who may see the policy or the agent.
    pub async fn answer(&self, bus: &Bus, caller: &Caller) -> Result<Verdict, CommandError> {
        match (&self.rules, &self.policy_id, &self.agent_id) {
            (Some(rules), None, None) => {
                let rules = Rules::parse(rules)
                    .map_err(|error| CommandError::malformed("rules", error.to_string()))?;
                Ok(rules.evaluate(&self.text))
            }
            (None, Some(policy), None) => {
                let policy = seen::<Policy>(bus, caller, policy.as_str()).await?;
                Ok(evaluate(Some(&policy.rules), &[], &self.text))
            }
            (None, None, Some(agent)) => {
                let agent = seen::<Agent>(bus, caller, agent.as_str()).await?;
                self.as_agent(bus, &agent).await
            }
            _ => Err(CommandError::malformed(
                ".",
                "name exactly one of rules, policy_id and agent_id",
            )),
        }
    }

    async fn as_agent(&self, bus: &Bus, agent: &Agent) -> Result<Verdict, CommandError> {
        let policy = match &agent.policy_id {
            Some(policy) => bus.state::<Policy>(policy).await?,
            None => None,
        };
        let settings = match &agent.owner_user_id {
            Some(user) => bus.state::<Settings>(user).await?,
            None => None,
        };
        let bundles = settings
            .map(|settings| settings.bundles.clone())
            .unwrap_or_default();
        Ok(evaluate(
            policy.as_ref().map(|policy| policy.rules.as_str()),
            &bundles,
            &self.text,
        ))
    }
}

/// The aggregate, if it exists and is the caller's to see.
async fn seen<D: reef_domain::Decider>(
    bus: &Bus,
    caller: &Caller,
    id: &str,
) -> Result<Loaded<D>, CommandError> {
    let found = bus.state::<D>(id).await?.filter(|loaded| !loaded.is_gone());
    let found = found.ok_or_else(|| CommandError::Unknown {
        kind: D::TYPE,
        id: id.to_owned(),
    })?;
    match (&caller.account_id, found.account_id()) {
        (Some(own), Some(owner)) if own != owner => Err(CommandError::Foreign {
            kind: D::TYPE,
            id: id.to_owned(),
        }),
        _ => Ok(found),
    }
}
