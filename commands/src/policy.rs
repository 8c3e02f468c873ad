//! Policies, and the question what a policy says about a text.

mod past;
mod question;

use reef_domain::{
    AccountId, AgentId, Decider, PolicyId, UserId,
    account::Account,
    agent::{Agent, AgentCommand},
    policy::{Origin, Policy, PolicyCommand},
};
use reef_projections::{Filter, Query, views::agent::Agents};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase, account::acting_user};

pub use past::{MAX_PAST_TASKS, PastCounts, PastTasks, PastVerdict, PastVerdicts};
pub use question::PolicyQuestion;

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<CreatePolicy>(),
    CommandSpec::of::<UpdatePolicy>(),
    CommandSpec::of::<DeletePolicy>(),
];

/// Makes a policy: lines `ALLOW: ...`, `REQUIRE CONFIRM: ...`, `DENY: ...`, kept byte for byte.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePolicy {
    /// Display name, 1 to 100 characters; need not be unique.
    pub name: String,
    /// The rules, one per line.
    pub rules: String,
    /// Id of the policy; made when absent.
    #[serde(default)]
    pub policy_id: Option<PolicyId>,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Whose policy; the caller when absent, or else the account's owner.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

impl UseCase for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "policies:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let account = unit.owned::<Account>(&account_id).await?;
        let user_id = acting_user(unit, &account, self.user_id.as_ref())?;
        let policy_id = self.policy_id.clone().unwrap_or_else(|| unit.new_id("pol_"));
        let create = PolicyCommand::Create {
            policy_id: policy_id.clone(),
            account_id,
            user_id,
            name: self.name.clone(),
            rules: self.rules.clone(),
            origin: Origin::Manual,
        };
        unit.decide::<Policy>(&policy_id, create).await?;
        Ok(Outcome::of::<Policy>(&policy_id))
    }
}

/// Renames a policy or replaces its rules; what is left out stays. Agents get new rules with their next push.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePolicy {
    /// The policy.
    pub policy_id: PolicyId,
    /// New name, 1 to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// New rules, one per line.
    #[serde(default)]
    pub rules: Option<String>,
}

impl UseCase for UpdatePolicy {
    const NAME: &'static str = "UpdatePolicy";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "policies:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Policy>(&self.policy_id).await?;
        let update = PolicyCommand::Update {
            name: self.name.clone(),
            rules: self.rules.clone(),
        };
        unit.decide::<Policy>(&self.policy_id, update).await?;
        Ok(Outcome::of::<Policy>(&self.policy_id))
    }
}

/// Removes a policy for good. In the same commit it is detached from every agent that refers to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeletePolicy {
    /// The policy.
    pub policy_id: PolicyId,
}

impl UseCase for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "policies:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Policy>(&self.policy_id).await?;
        unit.decide::<Policy>(&self.policy_id, PolicyCommand::Delete)
            .await?;
        for agent_id in agents_under(unit, &self.policy_id).await? {
            let agent = unit.load::<Agent>(&agent_id).await?;
            if agent.policy_id.as_ref() == Some(&self.policy_id) && !agent.is_gone() {
                unit.decide::<Agent>(&agent_id, AgentCommand::DetachPolicy)
                    .await?;
            }
        }
        Ok(Outcome::of::<Policy>(&self.policy_id))
    }
}

/// The agents that refer to the policy.
async fn agents_under(unit: &Unit<'_>, policy: &PolicyId) -> Result<Vec<AgentId>, CommandError> {
    let filters = vec![Filter::Field("policy_id".to_owned(), policy.to_string())];
    let query = Query {
        filters,
        ..Query::default()
    };
    let agents = unit.services().views.all::<Agents>(query).await?;
    Ok(agents.into_iter().map(|agent| agent.id).collect())
}

#[cfg(test)]
mod tests;
