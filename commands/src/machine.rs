//! Machines: the computers on a user's list, as their owners register, describe and remove them.

mod activation;
mod cloud;
mod desk;
mod list;

use chrono::TimeDelta;
use reef_domain::{
    AccountId, Change, Decider, MachineId, RuntimeId, UserId,
    account::Account,
    agent::{Agent, AgentCommand, AgentStopReason},
    machine::{Machine, MachineCommand, MachineKind},
    runtime::{Runtime, RuntimeCommand},
};
use reef_projections::{Filter, Query, views::agent::Agents};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Audience, CommandError, CommandSpec, Outcome, Unit, UseCase,
    account::{acting_user, require_authority, require_registered},
    agent::give_place_back,
};

pub use activation::{ActivateMachine, digest_code, new_code_text};
pub(crate) use cloud::{list_cloud_machine, unlist_cloud_machine};
pub use desk::{ConnectedMachine, Desk, Welcome, recognise};
pub use list::{ListedMachine, list_account_machines, list_machines};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<RegisterMachine>(),
    CommandSpec::of::<ActivateMachine>(),
    CommandSpec::of::<UpdateMachine>(),
    CommandSpec::of::<RemoveMachine>(),
];

/// Provider of the runtimes that are people's own machines.
pub const LOCAL_PROVIDER: &str = "local";
/// How long an activation code works.
const CODE_TTL: TimeDelta = TimeDelta::hours(24);

/// Whether the runtime is a person's own machine, which costs nothing and comes and goes as it likes.
pub(crate) fn is_own_machine(runtime: &Runtime) -> bool {
    runtime.provider == LOCAL_PROVIDER
}

/// Puts a person's own machine on the list. The answer has the activation code, which is never shown again,
/// works once and lapses after 24 hours: `reef connect --code` on that machine uses it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterMachine {
    /// Display name, 1 to 100 characters; need not be unique.
    pub name: String,
    /// What its owner says of it, at most 500 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Id of the machine; made when absent.
    #[serde(default)]
    pub machine_id: Option<MachineId>,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Whose machine; the caller when absent, or else the account's owner.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

impl UseCase for RegisterMachine {
    const NAME: &'static str = "RegisterMachine";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "machines:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let account = unit.owned::<Account>(&account_id).await?;
        require_registered(&account)?;
        let user_id = acting_user(unit, &account, self.user_id.as_ref())?;
        let machine_id = self.machine_id.clone().unwrap_or_else(|| unit.new_id("inst_"));
        let code = new_code_text(unit.services().entropy.as_ref(), account.dialect);
        let expires_at = unit.now() + CODE_TTL;
        let register = MachineCommand::Register {
            machine_id: machine_id.clone(),
            account_id,
            user_id,
            name: self.name.clone(),
            description: self.description.clone(),
            activation: Some((digest_code(&code).await?, expires_at)),
            runtime_id: None,
        };
        unit.decide::<Machine>(&machine_id, register).await?;
        Ok(Outcome::of::<Machine>(&machine_id).showing(json!({
            "machine_id": machine_id,
            "activation_code": code,
            "expires_at": expires_at,
        })))
    }
}

/// Renames a machine or describes it anew; what is left out stays, a description of `null` is cleared.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMachine {
    /// The machine.
    pub machine_id: MachineId,
    /// New name, 1 to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// New description, at most 500 characters.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub description: Change<String>,
}

impl UseCase for UpdateMachine {
    const NAME: &'static str = "UpdateMachine";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "machines:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        edit(unit, &self.machine_id).await?;
        let update = MachineCommand::Update {
            name: self.name.clone(),
            description: self.description.clone(),
        };
        unit.decide::<Machine>(&self.machine_id, update).await?;
        Ok(Outcome::of::<Machine>(&self.machine_id))
    }
}

/// Takes a machine off the list. A person's own is cut off at once: its code and its node token work no
/// longer, and agents on it are stopped. A runtime of ours goes on, and is listed again when it is started.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMachine {
    /// The machine.
    pub machine_id: MachineId,
}

impl UseCase for RemoveMachine {
    const NAME: &'static str = "RemoveMachine";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "machines:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let (kind, runtime_id) = edit(unit, &self.machine_id).await?;
        unit.decide::<Machine>(&self.machine_id, MachineCommand::Remove)
            .await?;
        match (kind, runtime_id) {
            (_, None) => {}
            (MachineKind::Local, Some(runtime_id)) => give_up(unit, &runtime_id).await?,
            (MachineKind::Cloud, Some(runtime_id)) => {
                cloud::release(unit, &self.machine_id, &runtime_id).await?;
            }
        }
        unit.services().sightings.forget(&self.machine_id).await?;
        Ok(Outcome::of::<Machine>(&self.machine_id))
    }
}

/// The machine to be changed, if the caller may act for its user: what it is, and its runtime.
async fn edit(
    unit: &mut Unit<'_>,
    machine_id: &MachineId,
) -> Result<(MachineKind, Option<RuntimeId>), CommandError> {
    let machine = unit.edit::<Machine>(machine_id).await?;
    if let (Some(account_id), Some(user_id)) = (&machine.account_id, &machine.user_id) {
        let account = unit.owned::<Account>(account_id).await?;
        require_authority(unit, &account, user_id)?;
    }
    Ok((machine.kind, machine.runtime_id.clone()))
}

/// A machine that was removed never comes back: its runtime goes, and the agents on it are stopped, with which
/// their open tasks fail.
async fn give_up(unit: &mut Unit<'_>, runtime_id: &RuntimeId) -> Result<(), CommandError> {
    let query = Query {
        filters: vec![Filter::Field("runtime_id".to_owned(), runtime_id.to_string())],
        ..Query::default()
    };
    for agent in unit.services().views.all::<Agents>(query).await? {
        let stop = AgentCommand::Stop {
            reason: AgentStopReason::RuntimeStopped,
        };
        let loaded = unit.load::<Agent>(&agent.id).await?;
        if !loaded.is_gone() && unit.decide::<Agent>(&agent.id, stop).await? > 0 {
            give_place_back(unit, &agent.id, &loaded).await?;
        }
    }
    unit.decide::<Runtime>(runtime_id, RuntimeCommand::Destroy)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
