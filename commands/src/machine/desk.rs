//! The desk where machines come in: who shows which token, who is there, and what is done for one that comes
//! or goes by itself.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::{
    AccountId, AgentId, MachineId, RuntimeId, TaskId,
    account::{Account, AccountStatus},
    agent::Agent,
    machine::{Machine, MachineStatus},
    runtime::{Health, Runtime, RuntimeCommand, RuntimeStatus},
    task::Task,
};
use reef_projections::{
    Filter, Query,
    views::{agent::Agents, machine::MachineCredentials, runtime::Runtimes},
};

use crate::{
    Bus, Caller, CommandError, Request, Services,
    ports::{LogError, Sighting},
    runtime::StartRuntime,
};

/// How old the last sighting of a connected machine can be: it is noted once a minute.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A machine that showed its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedMachine {
    /// Which.
    pub machine_id: MachineId,
    /// Its name.
    pub name: String,
    /// Whose account it is in.
    pub account_id: AccountId,
    /// The runtime it is.
    pub runtime_id: RuntimeId,
    /// SHA-256 of the token.
    pub token_hash: String,
}

/// What a machine is told when it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Whether it is to run; else its owner has stopped it.
    pub is_to_run: bool,
    /// The agents that belong on it.
    pub agents: Vec<AgentId>,
}

/// Recognises machines and keeps what is known of them. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    bus: Bus,
    holder: Arc<str>,
    grace: TimeDelta,
}

impl Desk {
    /// A desk of the server process `holder`; who is away for less than `grace` counts as still there.
    pub fn new(bus: Bus, holder: &str, grace: TimeDelta) -> Self {
        Self {
            bus,
            holder: holder.into(),
            grace,
        }
    }

    fn services(&self) -> &Services {
        self.bus.services()
    }

    /// How long a machine may be away before it counts as stopped.
    pub fn grace(&self) -> TimeDelta {
        self.grace
    }

    /// Time.
    pub fn now(&self) -> DateTime<Utc> {
        self.services().clock.now()
    }

    /// Notes that it is connected here.
    pub async fn seen(&self, machine: &ConnectedMachine) -> Result<(), LogError> {
        let sighting = Sighting {
            machine_id: machine.machine_id.clone(),
            seen_at: self.now(),
            connected_to: Some(self.holder.to_string()),
        };
        self.services().sightings.note(&sighting).await
    }

    /// It is there: brings its runtime back up unless its owner has stopped that.
    pub async fn came(&self, machine: &ConnectedMachine) -> Result<Welcome, CommandError> {
        self.seen(machine).await?;
        self.feels(machine, Health::Healthy).await?;
        let id = &machine.runtime_id;
        let runtime = self.services().views.doc::<Runtimes>(id.as_str()).await?;
        let down = runtime.filter(|runtime| {
            matches!(
                runtime.status,
                RuntimeStatus::Stopped | RuntimeStatus::Stopping | RuntimeStatus::Failed
            )
        });
        let is_to_run = down.as_ref().is_none_or(|down| down.stop_reason.is_none());
        if down.is_some() && is_to_run {
            let start = StartRuntime::new(id.clone());
            match self.bus.execute(&start, request(machine)).await {
                Ok(_) => {}
                Err(error @ CommandError::Refused { .. }) => {
                    tracing::warn!(runtime = %id, %error, "a machine came, but its runtime was not started");
                }
                Err(error) => return Err(error),
            }
        }
        let query = Query {
            filters: vec![Filter::Field("runtime_id".to_owned(), id.to_string())],
            ..Query::default()
        };
        let agents = self.services().views.all::<Agents>(query).await?;
        Ok(Welcome {
            is_to_run,
            agents: agents.into_iter().map(|agent| agent.id).collect(),
        })
    }

    /// It is no longer connected here.
    pub async fn went(&self, machine: &ConnectedMachine, seen_at: DateTime<Utc>) -> Result<(), CommandError> {
        let sightings = &self.services().sightings;
        sightings
            .note_gone(&machine.machine_id, &self.holder, seen_at)
            .await?;
        if self.is_connected_elsewhere(&machine.machine_id).await? {
            return Ok(());
        }
        self.feels(machine, Health::Unreachable).await
    }

    /// Whether another server process has its connection.
    async fn is_connected_elsewhere(&self, machine: &MachineId) -> Result<bool, LogError> {
        let known = self
            .services()
            .sightings
            .of(std::slice::from_ref(machine))
            .await?;
        let fresh = |sighting: &Sighting| self.now() - sighting.seen_at < NOTED_EVERY * 2;
        Ok(known
            .iter()
            .any(|known| known.connected_to.is_some() && fresh(known)))
    }

    /// Whether it may still come back or be connected to another process: nobody knows that it stopped.
    pub async fn may_be_there(&self, machine: &MachineId) -> Result<bool, LogError> {
        let known = self
            .services()
            .sightings
            .of(std::slice::from_ref(machine))
            .await?;
        let allowed = |sighting: &Sighting| {
            let noted = sighting
                .connected_to
                .as_ref()
                .map_or(TimeDelta::zero(), |_| NOTED_EVERY);
            self.grace + noted
        };
        Ok(known
            .iter()
            .any(|known| self.now() - known.seen_at < allowed(known)))
    }

    /// It stayed away for longer than the grace: its runtime is stopped, which costs it nothing.
    pub async fn stand_down(&self, machine: &ConnectedMachine) -> Result<(), CommandError> {
        if self.may_be_there(&machine.machine_id).await? {
            return Ok(());
        }
        let stopped = RuntimeCommand::ReportStopped {
            ran_until: self.now(),
        };
        self.report(machine, stopped).await
    }

    /// Records how it feels, if that changed.
    pub async fn feels(&self, machine: &ConnectedMachine, health: Health) -> Result<(), CommandError> {
        self.report(machine, RuntimeCommand::ReportHealth { health })
            .await
    }

    async fn report(&self, machine: &ConnectedMachine, report: RuntimeCommand) -> Result<(), CommandError> {
        let asked = request(machine);
        let reported = self.bus.decide::<Runtime>(&machine.runtime_id, report, &asked);
        match reported.await {
            Ok(_) | Err(CommandError::Refused { .. } | CommandError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether the task is one of an agent on this machine: nobody reports on others'.
    pub async fn is_its_task(&self, machine: &ConnectedMachine, task: &TaskId) -> Result<bool, CommandError> {
        let Some(task) = self.bus.state::<Task>(task).await? else {
            return Ok(false);
        };
        let Some(agent) = &task.agent_id else {
            return Ok(false);
        };
        let agent = self.bus.state::<Agent>(agent).await?;
        Ok(agent.is_some_and(|agent| agent.runtime_id.as_ref() == Some(&machine.runtime_id)))
    }

    /// Whether its token still works.
    pub async fn still_holds(&self, machine: &ConnectedMachine) -> Result<bool, CommandError> {
        let known = recognise(&self.bus, &machine.token_hash).await?;
        Ok(known.is_some_and(|known| known.machine_id == machine.machine_id))
    }
}

fn request(machine: &ConnectedMachine) -> Request {
    let caller = Caller::node(machine.machine_id.as_str());
    Request::new(caller, format!("machine/{}", machine.machine_id))
}

/// Whose node token that is; `None`: nobody's, or not any more.
pub async fn recognise(bus: &Bus, token_hash: &str) -> Result<Option<ConnectedMachine>, CommandError> {
    let views = &bus.services().views;
    let Some(known) = views.doc::<MachineCredentials>(token_hash).await? else {
        return Ok(None);
    };
    let Some(machine) = bus.state::<Machine>(&known.machine_id).await? else {
        return Ok(None);
    };
    let Some(account) = bus.state::<Account>(&known.account_id).await? else {
        return Ok(None);
    };
    let works = known.is_token
        && machine.status == MachineStatus::Active
        && account.status == AccountStatus::Registered;
    let runtime_id = machine.runtime_id.clone().filter(|_| works);
    Ok(runtime_id.map(|runtime_id| ConnectedMachine {
        machine_id: known.machine_id,
        name: machine.name.clone(),
        account_id: known.account_id,
        runtime_id,
        token_hash: token_hash.to_owned(),
    }))
}

#[cfg(test)]
mod tests;
