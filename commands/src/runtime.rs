//! Runtimes: the isolated computers agents run on, as their owners start and stop them.

mod provision;
mod ssh_key;

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::{
    AccountId, RefusalKind, RuntimeId, UserId,
    account::Account,
    agent::{Agent, AgentCommand, AgentStatus},
    ledger::Ledger,
    reservation::{Reservation, ReservationCommand},
    runtime::{Runtime, RuntimeCommand, RuntimeStatus, RuntimeStopReason, Tenancy},
    settings::{Settings, SettingsCommand},
};
use reef_projections::{Filter, Query, views::agent::Agents};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Audience, CommandError, CommandSpec, Outcome, Unit, UseCase,
    agent::take_place,
    machine::{is_own_machine, list_cloud_machine, unlist_cloud_machine},
};

pub use provision::ProvisionRuntime;
pub(crate) use provision::{NewRuntime, request_runtime};
pub(crate) use ssh_key::key_owner;
pub use ssh_key::{PreparedKey, RevealSshKeyOnce};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<ProvisionRuntime>(),
    CommandSpec::of::<StartRuntime>(),
    CommandSpec::of::<StopRuntime>(),
    CommandSpec::of::<DestroyRuntime>(),
    CommandSpec::of::<RestartGateway>(),
    CommandSpec::of::<RevealSshKeyOnce>(),
];

/// Provider of runtimes for whoever names none.
pub const DEFAULT_PROVIDER: &str = "embedded";
/// What the embedded provider calls a runtime: known as soon as the runtime has an id.
pub fn embedded_ref(id: &RuntimeId) -> String {
    format!("embedded-{id}")
}

/// Code of the failure of an agent whose runtime failed.
pub(crate) const RUNTIME_FAILED: &str = "runtime_failed";
/// How long a runtime may take to be seen running.
const CONVERGENCE: TimeDelta = TimeDelta::minutes(10);

/// By when a runtime asked for now must have been seen running.
pub(crate) fn convergence_deadline(now: DateTime<Utc>) -> DateTime<Utc> {
    now + CONVERGENCE
}

/// Whether the account can pay for a running runtime.
pub(crate) async fn require_funds(unit: &mut Unit<'_>, account_id: &AccountId) -> Result<(), CommandError> {
    let account = unit.owned::<Account>(account_id).await?;
    if account.plan.price_micro_per_hour == 0 || unit.load::<Ledger>(account_id).await?.balance_micro > 0 {
        return Ok(());
    }
    Err(CommandError::refused(
        "insufficient_balance",
        RefusalKind::PaymentRequired,
        "the balance is used up; credits are needed to run anything",
    ))
}

/// The stream that keeps a user's shared runtime unique.
pub(crate) fn shared_runtime_reservation(user: &UserId) -> String {
    format!("shared-runtime/{user}")
}

/// Lets the address into the runtime of that user, to log in from there.
async fn let_caller_in(
    unit: &mut Unit<'_>,
    account_id: AccountId,
    user_id: UserId,
    caller_ip: Option<IpAddr>,
) -> Result<(), CommandError> {
    let Some(ip) = caller_ip else { return Ok(()) };
    let stream = user_id.clone();
    let capture = SettingsCommand::CaptureCallerIp {
        account_id,
        user_id,
        ip,
    };
    unit.decide::<Settings>(&stream, capture).await?;
    Ok(())
}

/// Starts what a runtime coming up anew is for: the agent whose own it is, and agents that failed with it.
async fn start_agents(unit: &mut Unit<'_>, runtime_id: &RuntimeId) -> Result<(), CommandError> {
    let query = Query {
        filters: vec![Filter::Field("runtime_id".to_owned(), runtime_id.to_string())],
        ..Query::default()
    };
    let is_down = |status| matches!(status, AgentStatus::Stopped | AgentStatus::Failed);
    let agents = unit.services().views.all::<Agents>(query).await?;
    // What is up is not looked at: it would be in the way of the append.
    for doc in agents.into_iter().filter(|doc| is_down(doc.status)) {
        let id = doc.id;
        let agent = unit.load::<Agent>(&id).await?;
        let down = match agent.tenancy {
            Tenancy::Dedicated => is_down(agent.status),
            Tenancy::Shared => {
                agent.status == AgentStatus::Failed && agent.failure_code.as_deref() == Some(RUNTIME_FAILED)
            }
        };
        if down {
            unit.decide::<Agent>(&id, AgentCommand::Start).await?;
            take_place(unit, &id, &agent).await?;
        }
    }
    Ok(())
}

/// Starts a stopped or failed runtime, with the agent whose own it is. Needs a balance where the plan has a price.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRuntime {
    /// The runtime.
    pub runtime_id: RuntimeId,
    /// Address from which the user of a shared runtime may log in by SSH, if this starts it; it takes the
    /// place of the one let in before.
    #[serde(default)]
    pub caller_ip: Option<IpAddr>,
}

impl StartRuntime {
    /// Starts that runtime.
    pub fn new(runtime_id: RuntimeId) -> Self {
        Self {
            runtime_id,
            caller_ip: None,
        }
    }
}

impl UseCase for StartRuntime {
    const NAME: &'static str = "StartRuntime";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "runtimes:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let runtime = unit.edit::<Runtime>(&self.runtime_id).await?;
        let runs = matches!(
            runtime.status,
            RuntimeStatus::Running | RuntimeStatus::Starting | RuntimeStatus::Provisioning
        );
        if !runs
            && !is_own_machine(&runtime)
            && let Some(account_id) = runtime.account_id.clone()
        {
            require_funds(unit, &account_id).await?;
        }
        let start = RuntimeCommand::Start {
            deadline: convergence_deadline(unit.now()),
        };
        if unit.decide::<Runtime>(&self.runtime_id, start).await? > 0 {
            start_agents(unit, &self.runtime_id).await?;
            if let (Tenancy::Shared, Some(account_id), Some(user)) =
                (runtime.tenancy, &runtime.account_id, &runtime.owner_user_id)
            {
                let_caller_in(unit, account_id.clone(), user.clone(), self.caller_ip).await?;
            }
            list_cloud_machine(unit, &self.runtime_id).await?;
        }
        Ok(Outcome::of::<Runtime>(&self.runtime_id))
    }
}

/// Stops a runtime; its files stay, and it costs nothing while it is stopped.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRuntime {
    /// The runtime.
    pub runtime_id: RuntimeId,
}

impl UseCase for StopRuntime {
    const NAME: &'static str = "StopRuntime";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "runtimes:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Runtime>(&self.runtime_id).await?;
        let stop = RuntimeCommand::Stop {
            reason: RuntimeStopReason::Requested,
        };
        unit.decide::<Runtime>(&self.runtime_id, stop).await?;
        Ok(Outcome::of::<Runtime>(&self.runtime_id))
    }
}

/// Removes a shared runtime that no agent is on, or with the agents that are on it and everything that is theirs.
/// A dedicated one goes with its agent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestroyRuntime {
    /// The runtime.
    pub runtime_id: RuntimeId,
    /// Whether agents that are on it are deleted with it; without this they are in the way.
    #[serde(default)]
    pub with_agents: bool,
}

impl UseCase for DestroyRuntime {
    const NAME: &'static str = "DestroyRuntime";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "runtimes:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let runtime = unit.edit::<Runtime>(&self.runtime_id).await?;
        if is_own_machine(&runtime) {
            return Err(CommandError::refused(
                "runtime_is_a_machine",
                RefusalKind::Conflict,
                "the runtime is a person's own machine; remove the machine",
            ));
        }
        let query = Query {
            filters: vec![Filter::Field(
                "runtime_id".to_owned(),
                self.runtime_id.to_string(),
            )],
            limit: 1,
            ..Query::default()
        };
        if !self.with_agents && unit.services().views.count("agents", &query).await? > 0 {
            return Err(CommandError::refused(
                "runtime_in_use",
                RefusalKind::Conflict,
                "agents are on the runtime; delete them first",
            ));
        }
        unit.decide::<Runtime>(&self.runtime_id, RuntimeCommand::Destroy)
            .await?;
        if let (Tenancy::Shared, Some(user)) = (runtime.tenancy, &runtime.owner_user_id) {
            let release = ReservationCommand::Release {
                holder: self.runtime_id.to_string(),
            };
            unit.decide::<Reservation>(shared_runtime_reservation(user), release)
                .await?;
        }
        unlist_cloud_machine(unit, &self.runtime_id).await?;
        Ok(Outcome::of::<Runtime>(&self.runtime_id))
    }
}

/// Restarts the gateway process of a running runtime; the runtime itself goes on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartGateway {
    /// The runtime, running.
    pub runtime_id: RuntimeId,
}

impl UseCase for RestartGateway {
    const NAME: &'static str = "RestartGateway";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "runtimes:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Runtime>(&self.runtime_id).await?;
        unit.decide::<Runtime>(&self.runtime_id, RuntimeCommand::RestartGateway)
            .await?;
        Ok(Outcome::of::<Runtime>(&self.runtime_id))
    }
}

#[cfg(test)]
mod tests;
