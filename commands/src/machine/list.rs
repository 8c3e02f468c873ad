//! The list of a user's machines, with what their runtimes do and when they were seen last.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use reef_domain::{AccountId, MachineId, RuntimeId, UserId};
use reef_projections::{
    Filter, Query,
    views::{
        machine::{MachineDoc, Machines},
        runtime::{RuntimeDoc, Runtimes},
    },
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Services,
    ports::{LogError, Sighting},
};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedMachine {
    /// The machine.
    pub machine: MachineDoc,
    /// The runtime it is, while there is one.
    pub runtime: Option<RuntimeDoc>,
    /// When it was seen last, to the minute; `None`: never, or it is a runtime of ours.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// The machines of that user of the account, newest first.
pub async fn list_machines(
    services: &Services,
    account: &AccountId,
    user: &UserId,
) -> Result<Vec<ListedMachine>, LogError> {
    listed(services, account, vec![Filter::Parent(user.to_string())]).await
}

/// The machines of all users of the account, newest first.
pub async fn list_account_machines(
    services: &Services,
    account: &AccountId,
) -> Result<Vec<ListedMachine>, LogError> {
    listed(services, account, Vec::new()).await
}

async fn listed(
    services: &Services,
    account: &AccountId,
    filters: Vec<Filter>,
) -> Result<Vec<ListedMachine>, LogError> {
    let query = Query {
        account_id: Some(account.clone()),
        filters,
        ..Query::default()
    };
    let machines = services.views.all::<Machines>(query).await?;
    let ids: Vec<MachineId> = machines.iter().map(|machine| machine.id.clone()).collect();
    let sightings = services.sightings.of(&ids).await?;
    let seen: HashMap<MachineId, Sighting> = sightings
        .into_iter()
        .map(|sighting| (sighting.machine_id.clone(), sighting))
        .collect();
    let runtimes = runtimes_of(services, &machines).await?;
    let listed = machines.into_iter().map(|machine| ListedMachine {
        runtime: machine
            .runtime_id
            .as_ref()
            .and_then(|id| runtimes.get(id))
            .cloned(),
        last_seen_at: seen.get(&machine.id).map(|sighting| sighting.seen_at),
        machine,
    });
    Ok(listed.collect())
}

async fn runtimes_of(
    services: &Services,
    machines: &[MachineDoc],
) -> Result<HashMap<RuntimeId, RuntimeDoc>, LogError> {
    let ids: Vec<String> = machines
        .iter()
        .filter_map(|machine| machine.runtime_id.as_ref().map(ToString::to_string))
        .collect();
    let docs = services.views.all_of::<Runtimes>(&ids).await?;
    Ok(docs.into_iter().map(|doc| (doc.id.clone(), doc)).collect())
}
