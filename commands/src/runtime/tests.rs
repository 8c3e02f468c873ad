//! Specs of the commands of runtimes.

use std::collections::BTreeSet;

use reef_domain::{Dialect, account::Plan};
use reef_projections::views::runtime::Runtimes;
use serde_json::json;

use super::*;
use crate::{
    Answer, Caller, Request,
    account::AssignPlan,
    agent::DeployAgent,
    ledger::GrantCredits,
    spec::{Member, World, body, code, kinds},
    template::PublishTemplate,
};

async fn scene() -> (World, Member) {
    let world = World::new();
    let member = world.account("ada", Dialect::Tropic).await;
    let grant: GrantCredits = body(json!({ "account_id": member.account, "amount_micro": 1_000_000 }));
    world.operator(grant).await.unwrap();
    let publish: PublishTemplate = body(json!({
        "slug": "research", "name": "Research", "bundle": { "agent": { "model": "m" } },
        "default_policy": "ALLOW: research"
    }));
    world.operator(publish).await.unwrap();
    (world, member)
}

async fn provisioned(world: &World, member: &Member) -> RuntimeId {
    let answer = world
        .by(&member.caller, body::<ProvisionRuntime>(json!({})))
        .await
        .unwrap();
    RuntimeId::from(answer.aggregate.id)
}

async fn observe(world: &World, runtime: &RuntimeId, report: RuntimeCommand) {
    let request = Request::new(Caller::system("spec"), "spec");
    world
        .bus
        .decide::<Runtime>(runtime, report, &request)
        .await
        .unwrap();
}

async fn running(world: &World, runtime: &RuntimeId) {
    let report = RuntimeCommand::ReportRunning {
        provider_ref: "r".to_owned(),
        public_ip: None,
        since: world.bus.services().clock.now(),
    };
    observe(world, runtime, report).await;
}

/// More agents than one page of a view has.
#[tokio::test]
async fn every_waiting_agent_is_put_on_it_and_every_one_that_failed_with_it_comes_back() {
    const MANY: usize = 501;
    let (world, member) = scene().await;
    let mut plan = Plan::for_dialect(Dialect::Tropic);
    plan.max_active_agents = Plan::MAX_AGENTS;
    let assign = AssignPlan {
        account_id: member.account.clone(),
        plan,
    };
    world.operator(assign).await.unwrap();
    let mut agents = Vec::new();
    for number in 0..MANY {
        let deploy = json!({ "template_id": "tmpl_research", "name": format!("Ada {number}") });
        let deployed = world.by(&member.caller, body::<DeployAgent>(deploy)).await;
        agents.push(deployed.unwrap().aggregate.id);
    }
    let answer = world
        .by(&member.caller, body::<ProvisionRuntime>(json!({})))
        .await
        .unwrap();
    let count = |answer: &Answer, kind: &str| {
        let kinds = kinds(answer);
        kinds.into_iter().filter(|known| *known == kind).count()
    };
    assert_eq!(count(&answer, "AgentPlaced"), MANY);

    let runtime = RuntimeId::from(answer.aggregate.id);
    for agent in &agents {
        let fail = AgentCommand::ReportFailed {
            code: RUNTIME_FAILED.to_owned(),
            reason: "it is gone".to_owned(),
        };
        let request = Request::new(Caller::system("spec"), "spec");
        world.bus.decide::<Agent>(agent, fail, &request).await.unwrap();
    }
    let failed = RuntimeCommand::ReportFailed {
        code: "gone".to_owned(),
        reason: "it is gone".to_owned(),
        ran_until: None,
    };
    observe(&world, &runtime, failed).await;
    let start = json!({ "runtime_id": runtime });
    let answer = world
        .by(&member.caller, body::<StartRuntime>(start))
        .await
        .unwrap();
    assert_eq!(count(&answer, "AgentStartRequested"), MANY);
}

#[tokio::test]
async fn a_user_has_one_shared_runtime_and_waiting_agents_are_put_on_it() {
    let (world, member) = scene().await;
    let deploy: DeployAgent = body(json!({ "template_id": "tmpl_research", "name": "Ada" }));
    let agent = world.by(&member.caller, deploy).await.unwrap().aggregate.id;
    assert_eq!(world.state::<Agent>(&agent).await.runtime_id, None);
    let answer = world
        .by(&member.caller, body::<ProvisionRuntime>(json!({})))
        .await
        .unwrap();
    let expected = BTreeSet::from([
        "ReservationClaimed",
        "AgentPlaced",
        "RuntimeRequested",
        "SshKeyMade",
        "ProvisioningRequested",
        "MachineRegistered",
    ]);
    assert_eq!(kinds(&answer).into_iter().collect::<BTreeSet<_>>(), expected);
    let runtime = RuntimeId::from(answer.aggregate.id);
    assert_eq!(
        world.state::<Agent>(&agent).await.runtime_id,
        Some(runtime.clone())
    );
    let second = world
        .by(&member.caller, body::<ProvisionRuntime>(json!({})))
        .await;
    assert_eq!(code(second), "limit_reached");
    let in_use = world
        .by(
            &member.caller,
            DestroyRuntime {
                runtime_id: runtime,
                with_agents: false,
            },
        )
        .await;
    assert_eq!(code(in_use), "runtime_in_use");
}

#[tokio::test]
async fn a_destroyed_runtime_makes_room_for_another() {
    let (world, member) = scene().await;
    let first = provisioned(&world, &member).await;
    world
        .by(
            &member.caller,
            DestroyRuntime {
                with_agents: false,
                runtime_id: first.clone(),
            },
        )
        .await
        .unwrap();
    assert_ne!(provisioned(&world, &member).await, first);
}

#[tokio::test]
async fn starting_needs_a_balance_and_something_that_is_down() {
    let (world, member) = scene().await;
    let runtime_id = provisioned(&world, &member).await;
    let start = StartRuntime::new(runtime_id.clone());
    assert_eq!(
        kinds(&world.by(&member.caller, start.clone()).await.unwrap()),
        Vec::<&str>::new()
    );
    running(&world, &runtime_id).await;
    let stop = StopRuntime {
        runtime_id: runtime_id.clone(),
    };
    assert_eq!(
        kinds(&world.by(&member.caller, stop.clone()).await.unwrap()),
        ["RuntimeStopRequested"]
    );
    assert_eq!(
        kinds(&world.by(&member.caller, stop).await.unwrap()),
        Vec::<&str>::new()
    );
    assert_eq!(
        code(world.by(&member.caller, start.clone()).await),
        "runtime_stopping"
    );
    let ran_until = world.bus.services().clock.now();
    observe(&world, &runtime_id, RuntimeCommand::ReportStopped { ran_until }).await;
    assert_eq!(
        kinds(&world.by(&member.caller, start).await.unwrap()),
        ["RuntimeStartRequested"]
    );
    assert!(
        world
            .doc::<Runtimes>(&runtime_id)
            .await
            .unwrap()
            .deadline
            .is_some()
    );
}

#[tokio::test]
async fn without_a_balance_nothing_is_made_or_started() {
    let (world, _) = scene().await;
    let poor = world.account("eve", Dialect::Tropic).await;
    let refused = world.by(&poor.caller, body::<ProvisionRuntime>(json!({}))).await;
    assert_eq!(code(refused), "insufficient_balance");
}

#[tokio::test]
async fn agents_that_failed_with_their_runtime_start_with_it() {
    let (world, member) = scene().await;
    let runtime_id = provisioned(&world, &member).await;
    let deploy: DeployAgent = body(json!({ "template_id": "tmpl_research", "name": "Ada" }));
    let agent = world.by(&member.caller, deploy).await.unwrap().aggregate.id;
    let request = Request::new(Caller::system("spec"), "spec");
    let report = |code: &str| RuntimeCommand::ReportFailed {
        code: code.to_owned(),
        reason: String::new(),
        ran_until: None,
    };
    observe(&world, &runtime_id, report("absent")).await;
    let failed = AgentCommand::ReportFailed {
        code: RUNTIME_FAILED.to_owned(),
        reason: String::new(),
    };
    world.bus.decide::<Agent>(&agent, failed, &request).await.unwrap();
    let answer = world
        .by(&member.caller, StartRuntime::new(runtime_id))
        .await
        .unwrap();
    assert_eq!(kinds(&answer), ["RuntimeStartRequested", "AgentStartRequested"]);
}

#[tokio::test]
async fn the_gateway_of_a_running_runtime_restarts() {
    let (world, member) = scene().await;
    let runtime_id = provisioned(&world, &member).await;
    let restart = RestartGateway {
        runtime_id: runtime_id.clone(),
    };
    assert_eq!(
        code(world.by(&member.caller, restart.clone()).await),
        "runtime_not_running"
    );
    running(&world, &runtime_id).await;
    assert_eq!(
        kinds(&world.by(&member.caller, restart).await.unwrap()),
        ["GatewayRestartRequested"]
    );
}

#[tokio::test]
async fn runtimes_of_other_accounts_do_not_exist() {
    let (world, member) = scene().await;
    let runtime_id = provisioned(&world, &member).await;
    let other = world.account("eve", Dialect::Tropic).await.caller;
    let id = || runtime_id.clone();
    assert_eq!(code(world.by(&other, StartRuntime::new(id())).await), "not_found");
    assert_eq!(
        code(world.by(&other, StopRuntime { runtime_id: id() }).await),
        "not_found"
    );
    assert_eq!(
        code(
            world
                .by(
                    &other,
                    DestroyRuntime {
                        runtime_id: id(),
                        with_agents: false
                    }
                )
                .await
        ),
        "not_found"
    );
    assert_eq!(
        code(world.by(&other, RestartGateway { runtime_id: id() }).await),
        "not_found"
    );
}

#[tokio::test]
async fn who_starts_a_runtime_is_let_in_from_where_they_are() {
    let (world, member) = scene().await;
    let blocks = async || {
        let settings = world.state::<Settings>(&member.user).await;
        settings.firewall[&22]
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let from = |ip: &str| json!({ "caller_ip": ip });
    let provision = body::<ProvisionRuntime>(from("203.0.113.45"));
    let answer = world.by(&member.caller, provision).await.unwrap();
    assert!(kinds(&answer).contains(&"CallerIpCaptured"));
    let runtime_id = RuntimeId::from(answer.aggregate.id);
    assert_eq!(blocks().await, ["203.0.113.45/32"]);

    let mut start = StartRuntime::new(runtime_id.clone());
    start.caller_ip = Some("2001:db8::7".parse().unwrap());
    // It is on its way already: nothing is started, and nobody is let in.
    assert!(kinds(&world.by(&member.caller, start.clone()).await.unwrap()).is_empty());
    running(&world, &runtime_id).await;
    assert!(kinds(&world.by(&member.caller, start.clone()).await.unwrap()).is_empty());
    let stop = StopRuntime {
        runtime_id: runtime_id.clone(),
    };
    world.by(&member.caller, stop).await.unwrap();
    let ran_until = world.bus.services().clock.now();
    observe(&world, &runtime_id, RuntimeCommand::ReportStopped { ran_until }).await;
    assert_eq!(
        kinds(&world.by(&member.caller, start).await.unwrap()),
        ["RuntimeStartRequested", "CallerIpCaptured"]
    );
    assert_eq!(blocks().await, ["2001:db8::7/128"]);
    let bad = serde_json::from_value::<ProvisionRuntime>(from("somewhere"));
    assert!(bad.is_err());
}
