//! Specs of the commands of machines.

use reef_domain::{
    Dialect,
    account::Role,
    machine::MachineStatus,
    runtime::{RuntimeStatus, RuntimeStopReason},
};
use reef_projections::views::machine::{MachineCredentials, Machines};
use serde_json::json;

use super::*;
use crate::{
    Answer, Caller,
    account::SuspendAccount,
    digest_key,
    ledger::GrantCredits,
    runtime::{DestroyRuntime, ProvisionRuntime, StartRuntime},
    spec::{Member, World, body, code, kinds},
};

fn text(answer: &Answer, field: &str) -> String {
    answer.result.as_ref().unwrap()[field]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Whoever types the code on the machine.
fn nobody() -> Caller {
    Caller::node("activation")
}

async fn registered(world: &World, owner: &Member) -> (MachineId, String) {
    let register = RegisterMachine {
        name: "My MacBook".to_owned(),
        ..Default::default()
    };
    let answer = world.by(&owner.caller, register).await.unwrap();
    (
        MachineId::from(answer.aggregate.id.as_str()),
        text(&answer, "activation_code"),
    )
}

fn activate(code: &str) -> ActivateMachine {
    ActivateMachine {
        activation_code: code.to_owned(),
    }
}

fn remove(machine_id: &MachineId) -> RemoveMachine {
    RemoveMachine {
        machine_id: machine_id.clone(),
    }
}

/// Everything that was stored, as text.
fn stored(world: &World) -> String {
    let events = world.store.events();
    events
        .iter()
        .map(|envelope| envelope.payload.to_string())
        .collect()
}

async fn fund(world: &World, owner: &Member) {
    let grant: GrantCredits = body(json!({ "account_id": owner.account, "amount_micro": 1_000_000 }));
    world.operator(grant).await.unwrap();
}

async fn cloud_machines(world: &World, owner: &Member) -> Vec<ListedMachine> {
    list_machines(world.bus.services(), &owner.account, &owner.user)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_code_is_shown_once_and_gives_a_token_once() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let (machine_id, code_text) = registered(&world, &owner).await;
    assert!(code_text.starts_with("TRPC-"));
    let doc = world.doc::<Machines>(&machine_id).await.unwrap();
    assert_eq!(doc.status, MachineStatus::Pending);

    let typed = code_text.to_lowercase();
    let answer = world.by(&nobody(), activate(&typed)).await.unwrap();
    assert_eq!(
        kinds(&answer),
        ["MachineActivated", "RuntimeRequested", "ProvisioningRequested"]
    );
    let token = text(&answer, "node_token");
    assert_eq!(
        code(world.by(&nobody(), activate(&code_text)).await),
        "activation_code_unknown"
    );
    let found = world.doc::<MachineCredentials>(digest_key(&token)).await.unwrap();
    assert!(found.is_token && found.machine_id == machine_id);
    assert!(!stored(&world).contains(&code_text) && !stored(&world).contains(&token));
    let runtime: Runtime = world.state(text(&answer, "runtime_id")).await;
    assert_eq!(
        (runtime.provider.as_str(), runtime.owner_user_id),
        (LOCAL_PROVIDER, Some(owner.user))
    );
}

#[tokio::test]
async fn wrong_foreign_and_removed_codes_are_all_unknown() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let other = world.account("other", Dialect::Tropic).await;
    let (machine_id, code_text) = registered(&world, &owner).await;
    for wrong in ["", "TRPC-0000-0000", "not a code"] {
        assert_eq!(
            code(world.by(&nobody(), activate(wrong)).await),
            "activation_code_unknown"
        );
    }
    assert_eq!(
        code(world.by(&other.caller, activate(&code_text)).await),
        "activation_code_unknown"
    );
    world.by(&owner.caller, remove(&machine_id)).await.unwrap();
    assert_eq!(
        code(world.by(&nobody(), activate(&code_text)).await),
        "activation_code_unknown"
    );
}

#[tokio::test]
async fn a_suspended_account_activates_nothing() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let (_, code_text) = registered(&world, &owner).await;
    let suspend: SuspendAccount = body(json!({ "account_id": owner.account, "reason": "unpaid" }));
    world.operator(suspend).await.unwrap();
    assert_eq!(
        code(world.by(&nobody(), activate(&code_text)).await),
        "account_suspended"
    );
}

#[tokio::test]
async fn an_update_tells_null_from_nothing() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let (machine_id, _) = registered(&world, &owner).await;
    let update = |patch: serde_json::Value| {
        let mut update = patch;
        update["machine_id"] = json!(machine_id);
        world.by(&owner.caller, body::<UpdateMachine>(update))
    };
    update(json!({ "description": "Office machine" })).await.unwrap();
    update(json!({ "name": "Work Laptop" })).await.unwrap();
    let doc = world.doc::<Machines>(&machine_id).await.unwrap();
    assert_eq!(
        (doc.name.as_str(), doc.description.as_deref()),
        ("Work Laptop", Some("Office machine"))
    );
    assert!(update(json!({})).await.unwrap().events.is_empty());
    update(json!({ "description": null })).await.unwrap();
    let doc = world.doc::<Machines>(&machine_id).await.unwrap();
    assert_eq!((doc.name.as_str(), doc.description), ("Work Laptop", None));
}

#[tokio::test]
async fn only_its_user_and_those_in_charge_touch_a_machine() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let member = world.user(&owner, Role::Member).await;
    let stranger = world.account("other", Dialect::Tropic).await;
    let (machine_id, _) = registered(&world, &owner).await;
    assert_eq!(
        code(world.by(&member.caller, remove(&machine_id)).await),
        "not_your_user"
    );
    assert_eq!(
        code(world.by(&stranger.caller, remove(&machine_id)).await),
        "not_found"
    );
    let (of_member, _) = registered(&world, &member).await;
    world.by(&owner.caller, remove(&of_member)).await.unwrap();
    assert_eq!(
        code(world.by(&owner.caller, remove(&of_member)).await),
        "not_found"
    );
}

#[tokio::test]
async fn a_removed_machine_loses_its_token_its_runtime_and_its_agents() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    let (machine_id, code_text) = registered(&world, &owner).await;
    let answer = world.by(&nobody(), activate(&code_text)).await.unwrap();
    let (token, runtime_id) = (text(&answer, "node_token"), text(&answer, "runtime_id"));
    let destroy: DestroyRuntime = body(json!({ "runtime_id": runtime_id }));
    assert_eq!(
        code(world.by(&owner.caller, destroy).await),
        "runtime_is_a_machine"
    );
    let answer = world.by(&owner.caller, remove(&machine_id)).await.unwrap();
    assert_eq!(kinds(&answer), ["MachineRemoved", "RuntimeDestructionStarted"]);
    assert_eq!(world.doc::<MachineCredentials>(digest_key(&token)).await, None);
    assert!(cloud_machines(&world, &owner).await.is_empty());
}

#[tokio::test]
async fn a_started_vm_is_on_the_list_until_it_is_removed_from_it_and_again_after_the_next_start() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Tropic).await;
    fund(&world, &owner).await;
    let provision: ProvisionRuntime = body(json!({}));
    let answer = world.by(&owner.caller, provision).await.unwrap();
    let runtime_id = RuntimeId::from(answer.aggregate.id.as_str());
    let listed = cloud_machines(&world, &owner).await;
    assert_eq!((listed.len(), listed[0].machine.name.as_str()), (1, "Cloud VM"));
    let runtime = listed[0].runtime.as_ref().unwrap();
    assert_eq!(runtime.status, RuntimeStatus::Provisioning);

    let machine_id = listed[0].machine.id.clone();
    world.by(&owner.caller, remove(&machine_id)).await.unwrap();
    assert!(cloud_machines(&world, &owner).await.is_empty());
    let runtime: Runtime = world.state(&runtime_id).await;
    assert_eq!(runtime.status, RuntimeStatus::Provisioning);

    stopped(&world, &runtime_id).await;
    let start: StartRuntime = body(json!({ "runtime_id": runtime_id }));
    world.by(&owner.caller, start.clone()).await.unwrap();
    let again = cloud_machines(&world, &owner).await;
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].machine.id, machine_id);

    stopped(&world, &runtime_id).await;
    world.by(&owner.caller, start).await.unwrap();
    assert_eq!(cloud_machines(&world, &owner).await.len(), 1, "listed once");

    let destroy: DestroyRuntime = body(json!({ "runtime_id": runtime_id }));
    world.by(&owner.caller, destroy).await.unwrap();
    assert!(cloud_machines(&world, &owner).await.is_empty());
}

async fn stopped(world: &World, runtime: &RuntimeId) {
    let request = crate::Request::new(Caller::system("spec"), "spec");
    let reason = RuntimeStopReason::Requested;
    for command in [
        RuntimeCommand::Stop { reason },
        RuntimeCommand::ReportStopped {
            ran_until: chrono::DateTime::UNIX_EPOCH,
        },
    ] {
        world
            .bus
            .decide::<Runtime>(runtime, command, &request)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn vms_of_other_dialects_are_on_no_list() {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    fund(&world, &owner).await;
    world
        .by(&owner.caller, body::<ProvisionRuntime>(json!({})))
        .await
        .unwrap();
    assert!(cloud_machines(&world, &owner).await.is_empty());
    let local = body::<ProvisionRuntime>(json!({ "provider": "local" }));
    assert_eq!(code(world.by(&owner.caller, local).await), "invalid_command");
}
