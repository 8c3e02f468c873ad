//! Machines that are runtimes of ours: listed with the start of the runtime, in the same commit.
//!
//! One machine per runtime: who wants to list it claims the one place of its reservation.

use reef_domain::{
    Dialect, MachineId, RuntimeId,
    account::Account,
    machine::{Machine, MachineCommand},
    reservation::{Reservation, ReservationCommand},
    runtime::{Runtime, Tenancy},
};

use super::is_own_machine;
use crate::{CommandError, Unit};

/// What a runtime is called on the list until it is renamed.
const NAME: &str = "Cloud VM";

fn listing(runtime_id: &RuntimeId) -> String {
    format!("machine-of/{runtime_id}")
}

/// Puts the runtime on its user's list, if it belongs there and is not on it. The API that has such lists is
/// Tropic's.
pub(crate) async fn list_cloud_machine(
    unit: &mut Unit<'_>,
    runtime_id: &RuntimeId,
) -> Result<(), CommandError> {
    let runtime = unit.load::<Runtime>(runtime_id).await?;
    let (Some(account_id), Some(user_id)) = (runtime.account_id.clone(), runtime.owner_user_id.clone())
    else {
        return Ok(());
    };
    let is_listed = !unit
        .load::<Reservation>(listing(runtime_id))
        .await?
        .holders
        .is_empty();
    let dialect = unit.load::<Account>(&account_id).await?.dialect;
    let belongs = runtime.tenancy == Tenancy::Shared && !is_own_machine(&runtime);
    if is_listed || !belongs || dialect != Dialect::Tropic {
        return Ok(());
    }
    let machine_id: MachineId = unit.new_id("inst_");
    let claim = ReservationCommand::Claim {
        holder: machine_id.to_string(),
        limit: 1,
    };
    unit.decide::<Reservation>(listing(runtime_id), claim).await?;
    let register = MachineCommand::Register {
        machine_id: machine_id.clone(),
        account_id,
        user_id,
        name: NAME.to_owned(),
        description: None,
        activation: None,
        runtime_id: Some(runtime_id.clone()),
    };
    unit.decide::<Machine>(&machine_id, register).await?;
    Ok(())
}

/// The machine is no longer that of the runtime.
pub(super) async fn release(
    unit: &mut Unit<'_>,
    machine_id: &MachineId,
    runtime_id: &RuntimeId,
) -> Result<(), CommandError> {
    let release = ReservationCommand::Release {
        holder: machine_id.to_string(),
    };
    unit.decide::<Reservation>(listing(runtime_id), release).await?;
    Ok(())
}

/// Takes the machine of a runtime that is removed off the list.
pub(crate) async fn unlist_cloud_machine(
    unit: &mut Unit<'_>,
    runtime_id: &RuntimeId,
) -> Result<(), CommandError> {
    let holders = unit
        .load::<Reservation>(listing(runtime_id))
        .await?
        .holders
        .clone();
    for machine_id in holders.into_iter().map(MachineId::from) {
        unit.decide::<Machine>(&machine_id, MachineCommand::Remove)
            .await?;
        release(unit, &machine_id, runtime_id).await?;
    }
    Ok(())
}
