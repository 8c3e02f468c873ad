//! Asking for a runtime.

use std::net::IpAddr;

use reef_domain::{
    AccountId, AgentId, Decider as _, Dialect, JobId, RuntimeId, UserId,
    account::Account,
    agent::{Agent, AgentCommand},
    provisioning_job::{ProvisioningJob, ProvisioningJobCommand},
    reservation::{Reservation, ReservationCommand},
    runtime::{Runtime, RuntimeCommand, Tenancy},
};
use reef_projections::{Filter, Query, views::agent::Agents};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    DEFAULT_PROVIDER, PreparedKey, convergence_deadline, embedded_ref, let_caller_in, require_funds,
    shared_runtime_reservation, ssh_key::has_ssh_key,
};
use crate::{
    Audience, CommandError, Outcome, Unit, UseCase,
    machine::{LOCAL_PROVIDER, list_cloud_machine},
};

/// A runtime to be made, and the job that makes it.
pub(crate) struct NewRuntime {
    pub(crate) runtime_id: RuntimeId,
    pub(crate) account_id: AccountId,
    pub(crate) owner_user_id: Option<UserId>,
    pub(crate) name: Option<String>,
    pub(crate) tenancy: Tenancy,
    pub(crate) provider: String,
    pub(crate) region: Option<String>,
    pub(crate) image_ref: Option<String>,
    pub(crate) agent_id: Option<AgentId>,
}

/// Asks for a runtime and queues its provisioning.
pub(crate) async fn request_runtime(unit: &mut Unit<'_>, new: NewRuntime) -> Result<(), CommandError> {
    let job_id: JobId = unit.new_id("job_");
    let request = RuntimeCommand::Request {
        runtime_id: new.runtime_id.clone(),
        account_id: new.account_id.clone(),
        owner_user_id: new.owner_user_id,
        name: new.name,
        tenancy: new.tenancy,
        provider_ref: (new.provider == DEFAULT_PROVIDER).then(|| embedded_ref(&new.runtime_id)),
        provider: new.provider,
        region: new.region,
        image_ref: new.image_ref,
        deadline: convergence_deadline(unit.now()),
    };
    unit.decide::<Runtime>(&new.runtime_id, request).await?;
    let job = ProvisioningJobCommand::Request {
        job_id: job_id.clone(),
        account_id: new.account_id,
        runtime_id: new.runtime_id,
        agent_id: new.agent_id,
    };
    unit.decide::<ProvisioningJob>(&job_id, job).await?;
    Ok(())
}

/// Whether users of that dialect's accounts have one shared runtime, or as many as they like (contract/domain.md,
/// section 3).
fn has_one_shared_runtime(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Native | Dialect::Tropic | Dialect::Agentbot | Dialect::Expressclaw | Dialect::Agento => {
            true
        }
        Dialect::Thermidora => false,
    }
}

/// A fresh id, as the dialect's clients know it.
fn new_runtime_id(unit: &Unit<'_>, dialect: Dialect) -> RuntimeId {
    match dialect {
        Dialect::Thermidora => unit.new_hex_id("inst_"),
        Dialect::Native | Dialect::Tropic | Dialect::Agentbot | Dialect::Expressclaw | Dialect::Agento => {
            unit.new_id("rt_")
        }
    }
}

/// Asks for a shared runtime; the user's agents that wait for one are put on it once it runs. Where an API
/// knows but one per user, a user has at most one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisionRuntime {
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Whose runtime; the caller when absent.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// What its owner calls it, 1 to 64 characters; need not be unique.
    #[serde(default)]
    pub name: Option<String>,
    /// Who provides it; `embedded` when absent.
    #[serde(default)]
    pub provider: Option<String>,
    /// Region asked for.
    #[serde(default)]
    pub region: Option<String>,
    /// Id of the runtime; made when absent.
    #[serde(default)]
    pub runtime_id: Option<RuntimeId>,
    /// Address from which its user may log in by SSH; it takes the place of the one let in before.
    #[serde(default)]
    pub caller_ip: Option<IpAddr>,
    /// The key pair, made with the first try of this command.
    #[serde(skip)]
    #[schemars(skip)]
    pub ssh_key: PreparedKey,
}

impl UseCase for ProvisionRuntime {
    const NAME: &'static str = "ProvisionRuntime";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "runtimes:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let user = unit
            .user(self.user_id.as_ref())
            .ok_or_else(|| CommandError::malformed("user_id", "whose runtime it is must be named"))?;
        let account = unit.owned::<Account>(&account_id).await?;
        if !account.users.contains_key(&user) {
            return Err(CommandError::Unknown {
                kind: "user",
                id: user.to_string(),
            });
        }
        if self.provider.as_deref() == Some(LOCAL_PROVIDER) {
            return Err(CommandError::malformed(
                "provider",
                "a person's own machine becomes a runtime when it is activated",
            ));
        }
        require_funds(unit, &account_id).await?;
        let runtime_id = match &self.runtime_id {
            Some(chosen) => chosen.clone(),
            None => new_runtime_id(unit, account.dialect),
        };
        if has_one_shared_runtime(account.dialect) {
            let claim = ReservationCommand::Claim {
                holder: runtime_id.to_string(),
                limit: 1,
            };
            unit.decide::<Reservation>(shared_runtime_reservation(&user), claim)
                .await?;
            place_waiting(unit, &account_id, &user, &runtime_id).await?;
        }
        request_runtime(
            unit,
            NewRuntime {
                runtime_id: runtime_id.clone(),
                account_id: account_id.clone(),
                owner_user_id: Some(user.clone()),
                name: self.name.clone(),
                tenancy: Tenancy::Shared,
                provider: self
                    .provider
                    .clone()
                    .unwrap_or_else(|| DEFAULT_PROVIDER.to_owned()),
                region: self.region.clone(),
                image_ref: None,
                agent_id: None,
            },
        )
        .await?;
        let_caller_in(unit, account_id, user.clone(), self.caller_ip).await?;
        if has_ssh_key(account.dialect) {
            self.ssh_key.keep(unit, &runtime_id, &user).await?;
        }
        list_cloud_machine(unit, &runtime_id).await?;
        Ok(Outcome::of::<Runtime>(&runtime_id))
    }
}

/// Gives the runtime to the user's agents that wait for one.
async fn place_waiting(
    unit: &mut Unit<'_>,
    account_id: &AccountId,
    user: &UserId,
    runtime_id: &RuntimeId,
) -> Result<(), CommandError> {
    let query = Query {
        account_id: Some(account_id.clone()),
        filters: vec![Filter::Field("owner_user_id".to_owned(), user.to_string())],
        ..Query::default()
    };
    let agents = unit.services().views.all::<Agents>(query).await?;
    for doc in agents.into_iter().filter(|doc| doc.runtime_id.is_none()) {
        let agent = unit.load::<Agent>(&doc.id).await?;
        if agent.runtime_id.is_none() && agent.tenancy == Tenancy::Shared && !agent.is_gone() {
            let runtime_id = runtime_id.clone();
            unit.decide::<Agent>(&doc.id, AgentCommand::Place { runtime_id })
                .await?;
        }
    }
    Ok(())
}
