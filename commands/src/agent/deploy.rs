//! Deploying an agent from a template: one append makes the agent, its policy, its runtime and its job.

use reef_domain::{
    AccountId, AgentId, Dialect, PolicyId, RefusalKind, RuntimeId, TemplateId, UserId,
    account::{Account, Role},
    agent::{Agent, AgentCommand},
    policy::{Origin, Policy, PolicyCommand},
    reservation::Reservation,
    runtime::{Runtime, RuntimeStatus, Tenancy},
    settings::{self, Settings, SettingsCommand},
    template::{Template, TemplateContent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::take_place;
use crate::{
    Audience, CommandError, Outcome, Unit, UseCase,
    runtime::{DEFAULT_PROVIDER, NewRuntime, request_runtime, require_funds, shared_runtime_reservation},
};

/// Makes an agent of a template and puts it on a runtime: its own, or (accounts with shared runtimes)
/// its user's, for which it waits where there is none yet. Needs a free place among the active agents.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployAgent {
    /// The template.
    pub template_id: TemplateId,
    /// Name of the agent, 1 to 100 characters; need not be unique.
    pub name: String,
    /// Policy to attach. Absent: one is made of the user's settings, or else of the template's default.
    #[serde(default)]
    pub policy_id: Option<PolicyId>,
    /// Id of the agent; made when absent.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Whose agent; the caller when absent, or else the account's owner.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// A shared runtime of that user to put it on, such as a machine of theirs; found or made when absent.
    #[serde(default)]
    pub runtime_id: Option<RuntimeId>,
}

impl UseCase for DeployAgent {
    const NAME: &'static str = "DeployAgent";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "agents:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let account = unit.owned::<Account>(&account_id).await?;
        let user = self.owner(unit, &account)?;
        let template = unit.owned::<Template>(&self.template_id).await?;
        if !template.published {
            return Err(CommandError::Unknown {
                kind: "template",
                id: self.template_id.to_string(),
            });
        }
        let agent_id = self.agent_id.clone().unwrap_or_else(|| unit.new_id("agt_"));
        let policy_id = match &self.policy_id {
            Some(policy) => {
                unit.owned::<Policy>(policy).await?;
                policy.clone()
            }
            None => default_policy(unit, &account_id, &user, &self.template_id, &template.content).await?,
        };
        let create = AgentCommand::Create {
            agent_id: agent_id.clone(),
            account_id: account_id.clone(),
            owner_user_id: Some(user.clone()),
            name: self.name.clone(),
            slug: None,
            display_name: None,
            template_id: Some(self.template_id.clone()),
            policy_id: Some(policy_id),
            bundle: template.content.bundle.clone(),
        };
        unit.decide::<Agent>(&agent_id, create).await?;
        match &self.runtime_id {
            Some(runtime_id) => place_on(unit, &agent_id, &user, runtime_id).await?,
            None => place(unit, &agent_id, &account_id, &user, account.dialect).await?,
        }
        let agent = unit.load::<Agent>(&agent_id).await?;
        take_place(unit, &agent_id, &agent).await?;
        Ok(Outcome::of::<Agent>(&agent_id))
    }
}

impl DeployAgent {
    fn owner(&self, unit: &Unit<'_>, account: &Account) -> Result<UserId, CommandError> {
        let named = unit.user(self.user_id.as_ref());
        let owner = || {
            account
                .users
                .iter()
                .find(|(_, role)| **role == Role::Owner)
                .map(|(user, _)| user.clone())
        };
        let user = named.or_else(owner).ok_or_else(|| {
            CommandError::refused(
                "account_without_owner",
                RefusalKind::Conflict,
                "the account has no owner",
            )
        })?;
        if account.users.contains_key(&user) {
            return Ok(user);
        }
        Err(CommandError::Unknown {
            kind: "user",
            id: user.to_string(),
        })
    }
}

/// Puts the agent on that runtime, which must be a shared one of its user.
async fn place_on(
    unit: &mut Unit<'_>,
    agent_id: &AgentId,
    user: &UserId,
    runtime_id: &RuntimeId,
) -> Result<(), CommandError> {
    let runtime = unit.owned::<Runtime>(runtime_id).await?;
    let is_leaving = runtime.status == RuntimeStatus::Destroying;
    if runtime.tenancy != Tenancy::Shared || runtime.owner_user_id.as_ref() != Some(user) || is_leaving {
        return Err(CommandError::refused(
            "runtime_not_shared",
            RefusalKind::Conflict,
            "the runtime is not a shared one of the agent's user",
        ));
    }
    let deploy = AgentCommand::Deploy {
        runtime_id: Some(runtime_id.clone()),
        tenancy: Tenancy::Shared,
    };
    unit.decide::<Agent>(agent_id, deploy).await?;
    Ok(())
}

/// Puts the agent on a runtime of its own, or onto its user's shared one.
async fn place(
    unit: &mut Unit<'_>,
    agent_id: &AgentId,
    account_id: &AccountId,
    user: &UserId,
    dialect: Dialect,
) -> Result<(), CommandError> {
    if shares_runtimes(dialect) {
        let holders = unit
            .load::<Reservation>(shared_runtime_reservation(user))
            .await?
            .holders
            .clone();
        let runtime_id = holders.into_iter().next().map(RuntimeId::from);
        let deploy = AgentCommand::Deploy {
            runtime_id,
            tenancy: Tenancy::Shared,
        };
        unit.decide::<Agent>(agent_id, deploy).await?;
        return Ok(());
    }
    require_funds(unit, account_id).await?;
    let runtime_id: RuntimeId = unit.new_id("rt_");
    let deploy = AgentCommand::Deploy {
        runtime_id: Some(runtime_id.clone()),
        tenancy: Tenancy::Dedicated,
    };
    unit.decide::<Agent>(agent_id, deploy).await?;
    request_runtime(
        unit,
        NewRuntime {
            runtime_id,
            account_id: account_id.clone(),
            owner_user_id: Some(user.clone()),
            name: None,
            tenancy: Tenancy::Dedicated,
            provider: DEFAULT_PROVIDER.to_owned(),
            region: None,
            image_ref: None,
            agent_id: Some(agent_id.clone()),
        },
    )
    .await
}

/// Runtime tenancy of the dialect (contract/domain.md, section 3).
fn shares_runtimes(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Tropic | Dialect::Thermidora => true,
        Dialect::Native | Dialect::Agentbot | Dialect::Expressclaw | Dialect::Agento => false,
    }
}

/// The policy made of the user's settings if any were saved, else of the template's default; made
/// once and used again while its source stays.
async fn default_policy(
    unit: &mut Unit<'_>,
    account_id: &AccountId,
    user: &UserId,
    template_id: &TemplateId,
    template: &TemplateContent,
) -> Result<PolicyId, CommandError> {
    let settings = unit.load::<Settings>(user).await?;
    let (source, name, rules) = if settings.saved {
        (
            String::new(),
            "Migrated settings".to_owned(),
            settings::rules_of(&settings.bundles),
        )
    } else {
        let name: String = format!("{} default", template.name).chars().take(100).collect();
        (template_id.to_string(), name, template.default_policy.clone())
    };
    if let Some(known) = settings.migrated.get(&source) {
        let policy = unit.load::<Policy>(known).await?;
        if policy.sequence > 0 && !policy.deleted {
            return Ok(known.clone());
        }
    }
    let policy_id: PolicyId = unit.new_id("pol_");
    let create = PolicyCommand::Create {
        policy_id: policy_id.clone(),
        account_id: account_id.clone(),
        user_id: user.clone(),
        name,
        rules,
        origin: Origin::Migrated,
    };
    unit.decide::<Policy>(&policy_id, create).await?;
    let record = SettingsCommand::RecordMigration {
        account_id: account_id.clone(),
        user_id: user.clone(),
        source,
        policy_id: policy_id.clone(),
    };
    unit.decide::<Settings>(user, record).await?;
    Ok(policy_id)
}
