//! Specs of the desk.

use reef_domain::{Dialect, runtime::RuntimeStopReason};
use serde_json::json;

use super::*;
use crate::{
    account::SuspendAccount,
    digest_key,
    machine::{ActivateMachine, RegisterMachine, RemoveMachine},
    spec::{Member, World, body},
};

struct Scene {
    world: World,
    owner: Member,
    machine: ConnectedMachine,
    desk: Desk,
}

/// An activated machine whose runtime was seen running.
async fn scene() -> Scene {
    let world = World::new();
    let owner = world.account("acme", Dialect::Native).await;
    let register: RegisterMachine = body(json!({ "name": "Laptop" }));
    let answer = world.by(&owner.caller, register).await.unwrap();
    let code = answer.result.unwrap()["activation_code"].clone();
    let activate: ActivateMachine = body(json!({ "activation_code": code }));
    let answer = world.by(&Caller::node("activation"), activate).await.unwrap();
    let token = answer.result.unwrap()["node_token"].as_str().unwrap().to_owned();
    let machine = recognise(&world.bus, &digest_key(&token)).await.unwrap().unwrap();
    let desk = Desk::new(world.bus.clone(), "here", TimeDelta::minutes(1));
    let scene = Scene {
        world,
        owner,
        machine,
        desk,
    };
    let running = RuntimeCommand::ReportRunning {
        provider_ref: scene.machine.machine_id.to_string(),
        public_ip: None,
        since: scene.desk.now(),
    };
    scene.desk.report(&scene.machine, running).await.unwrap();
    scene
}

impl Scene {
    async fn runtime(&self) -> Runtime {
        self.world.state(&self.machine.runtime_id).await
    }

    async fn sighted(&self, seconds_ago: i64, connected_to: Option<&str>) {
        let sighting = Sighting {
            machine_id: self.machine.machine_id.clone(),
            seen_at: self.desk.now() - TimeDelta::seconds(seconds_ago),
            connected_to: connected_to.map(str::to_owned),
        };
        self.world.store.note(&sighting).await.unwrap();
    }
}

use crate::ports::Sightings as _;

#[tokio::test]
async fn a_token_is_recognised_until_its_machine_is_removed_or_its_account_suspended() {
    let scene = scene().await;
    assert!(scene.desk.still_holds(&scene.machine).await.unwrap());
    let suspend: SuspendAccount = body(json!({ "account_id": scene.owner.account, "reason": "unpaid" }));
    scene.world.operator(suspend).await.unwrap();
    assert!(!scene.desk.still_holds(&scene.machine).await.unwrap());
    let reinstate: crate::account::ReinstateAccount = body(json!({ "account_id": scene.owner.account }));
    scene.world.operator(reinstate).await.unwrap();
    assert!(scene.desk.still_holds(&scene.machine).await.unwrap());
    let remove = RemoveMachine {
        machine_id: scene.machine.machine_id.clone(),
    };
    scene.world.operator(remove).await.unwrap();
    assert!(!scene.desk.still_holds(&scene.machine).await.unwrap());
}

#[tokio::test]
async fn one_that_goes_is_unreachable_and_after_the_grace_it_has_stopped() {
    let scene = scene().await;
    scene.desk.came(&scene.machine).await.unwrap();
    scene.desk.went(&scene.machine, scene.desk.now()).await.unwrap();
    assert_eq!(scene.runtime().await.health, Health::Unreachable);
    scene.desk.stand_down(&scene.machine).await.unwrap();
    assert!(scene.runtime().await.is_running(), "it may still come back");
    scene.sighted(61, None).await;
    scene.desk.stand_down(&scene.machine).await.unwrap();
    assert_eq!(scene.runtime().await.status, RuntimeStatus::Stopped);

    let welcome = scene.desk.came(&scene.machine).await.unwrap();
    assert!(welcome.is_to_run);
    assert_eq!(scene.runtime().await.status, RuntimeStatus::Starting);
}

#[tokio::test]
async fn one_that_another_process_has_is_there() {
    let scene = scene().await;
    scene.sighted(100, Some("there")).await;
    assert!(scene.desk.may_be_there(&scene.machine.machine_id).await.unwrap());
    scene.desk.went(&scene.machine, scene.desk.now()).await.unwrap();
    assert_eq!(scene.runtime().await.health, Health::Healthy);
    scene.sighted(121, Some("there")).await;
    assert!(!scene.desk.may_be_there(&scene.machine.machine_id).await.unwrap());
}

#[tokio::test]
async fn one_that_its_owner_stopped_stays_stopped() {
    let scene = scene().await;
    let reason = RuntimeStopReason::Requested;
    for command in [
        RuntimeCommand::Stop { reason },
        RuntimeCommand::ReportStopped {
            ran_until: scene.desk.now(),
        },
    ] {
        scene.desk.report(&scene.machine, command).await.unwrap();
    }
    let welcome = scene.desk.came(&scene.machine).await.unwrap();
    assert_eq!((welcome.is_to_run, welcome.agents), (false, vec![]));
    assert_eq!(scene.runtime().await.status, RuntimeStatus::Stopped);
}

#[tokio::test]
async fn nobody_reports_on_tasks_of_others() {
    let scene = scene().await;
    let other = TaskId::from("task_1");
    assert!(!scene.desk.is_its_task(&scene.machine, &other).await.unwrap());
}
