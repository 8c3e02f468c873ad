//! Specs of metering. The usual plan: 5 credits an hour, charged every 5 minutes.

use std::time::Duration;

use reef_domain::{
    AnyEvent, Dialect, RuntimeId,
    ledger::{Ledger, LedgerCommand, LedgerEvent},
};
use reef_projections::views::runtime::Runtimes;

use super::{driver::Mood, stage::Stage};
use crate::{
    Caller, Request,
    agent::StopAgent,
    ledger::GrantCredits,
    runtime::{StartRuntime, StopRuntime},
};

const CREDIT: u64 = 1_000_000;

async fn balance(stage: &Stage) -> u64 {
    stage
        .world
        .state::<Ledger>(&stage.member.account)
        .await
        .balance_micro
}

/// Whole milliseconds that the account was charged for.
async fn charged_ms(stage: &Stage, runtime: &RuntimeId) -> u64 {
    stage.world.state::<Ledger>(&stage.member.account).await.meters[runtime].charged_ms
}

#[tokio::test(start_paused = true)]
async fn each_interval_is_charged_once_and_the_rest_at_the_end() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (_, runtime) = stage.running_agent().await;
    stage.pass(Duration::from_mins(61)).await;
    assert_eq!(stage.count("CreditsDeducted"), 12);
    assert_eq!(balance(&stage).await, 95 * CREDIT);
    let since = stage
        .world
        .doc::<Runtimes>(&runtime)
        .await
        .unwrap()
        .running_since
        .unwrap();
    stage
        .world
        .by(
            &stage.member.caller,
            StopRuntime {
                runtime_id: runtime.clone(),
            },
        )
        .await
        .unwrap();
    stage
        .until("the rest is charged", async || {
            stage.count("CreditsDeducted") == 13
        })
        .await;
    let until = stage
        .world
        .state::<reef_domain::runtime::Runtime>(&runtime)
        .await
        .ran_until
        .unwrap();
    let ran = u64::try_from((until - since).num_milliseconds()).unwrap();
    assert_eq!(charged_ms(&stage, &runtime).await, ran, "to the millisecond");
    stage.pass(Duration::from_mins(30)).await;
    assert_eq!(
        stage.count("CreditsDeducted"),
        13,
        "nothing is charged while it is stopped"
    );
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_nodes_charge_no_more_than_one() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let doubles = stage.managers_doing_all_twice();
    let (agent, _) = stage.running_agent().await;
    stage.pass(Duration::from_mins(31)).await;
    assert_eq!(stage.count("CreditsDeducted"), 6);
    stage
        .world
        .by(&stage.member.caller, StopAgent { agent_id: agent })
        .await
        .unwrap();
    stage
        .until("the rest is charged", async || {
            stage.count("CreditsDeducted") == 7
        })
        .await;
    stage.pass(Duration::from_mins(6)).await;
    assert_eq!(stage.count("CreditsDeducted"), 7);
    drop(doubles);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_interval_in_the_middle_of_a_run_charges_nothing_twice() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    stage.running_agent().await;
    stage.pass(Duration::from_mins(16)).await;
    assert_eq!(
        balance(&stage).await,
        98_750_000,
        "three intervals of five minutes"
    );
    stage.plan(|plan| plan.metering_interval_s = 60).await;
    stage.pass(Duration::from_secs(44 * 60 + 30)).await;
    assert_eq!(balance(&stage).await, 95 * CREDIT, "an hour is an hour");
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn at_zero_everything_the_account_runs_is_stopped() {
    let stage = Stage::new(Dialect::Native).await;
    stage.plan(|plan| plan.price_micro_per_hour = 600 * CREDIT).await;
    let managers = stage.managers();
    let (agent, runtime) = stage.running_agent().await;
    let (other, _) = stage.running_agent().await;
    for agent in [&agent, &other] {
        stage.until_agent(agent, "stopped").await;
    }
    assert_eq!(balance(&stage).await, 0);
    assert_eq!(stage.count("BalanceExhausted"), 1);
    let doc = stage.world.doc::<Runtimes>(&runtime).await.unwrap();
    assert_eq!(
        serde_json::to_value(doc.stop_reason).unwrap(),
        "balance_exhausted"
    );
    let refused = stage
        .world
        .by(&stage.member.caller, StartRuntime::new(runtime.clone()))
        .await;
    assert_eq!(crate::spec::code(refused), "insufficient_balance");
    let grant = GrantCredits {
        account_id: stage.member.account.clone(),
        amount_micro: CREDIT,
        grant_id: None,
        description: String::new(),
    };
    stage.world.operator(grant).await.unwrap();
    stage
        .world
        .by(&stage.member.caller, StartRuntime::new(runtime))
        .await
        .unwrap();
    stage.until_agent(&agent, "running").await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_a_price_is_not_metered_and_needs_no_balance() {
    let stage = Stage::new(Dialect::Native).await;
    stage.plan(|plan| plan.price_micro_per_hour = 0).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    stage.pass(Duration::from_hours(1)).await;
    stage
        .world
        .by(&stage.member.caller, StopAgent { agent_id: agent })
        .await
        .unwrap();
    stage.until_event("RuntimeStopped").await;
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(stage.count("CreditsDeducted"), 0);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_pays_for_what_is_not_seen_running() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    stage.running_agent().await;
    stage.driver.set(Mood {
        silent: true,
        ..Mood::default()
    });
    stage.pass(Duration::from_mins(20)).await;
    assert_eq!(stage.count("CreditsDeducted"), 0, "its provider says nothing");
    stage.driver.set(Mood::default());
    stage
        .until("it is made up for", async || stage.count("CreditsDeducted") == 4)
        .await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_killed_between_a_charge_and_what_follows_charges_once_and_stops_all_the_same() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, runtime) = stage.running_agent().await;
    managers.stop().await;
    // The charge is durable, and the server dies before anything follows from it.
    let charge = LedgerCommand::ChargeRuntime {
        account_id: stage.member.account.clone(),
        entry_id: "charge_1".into(),
        runtime_id: runtime.clone(),
        run: 1,
        interval: 0,
        elapsed_ms: 300_000,
        rate_micro_per_hour: 1_200 * CREDIT,
        quantum_micro: 1,
    };
    let request = Request::new(Caller::system("metering"), "spec");
    let bus = &stage.world.bus;
    bus.decide::<Ledger>(&stage.member.account, charge, &request)
        .await
        .unwrap();
    assert_eq!((stage.count("BalanceExhausted"), balance(&stage).await), (1, 0));
    let managers = stage.managers();
    stage.until_agent(&agent, "stopped").await;
    stage.pass(Duration::from_mins(6)).await;
    assert_eq!(stage.count("RuntimeStopRequested"), 1);
    let of_first = stage
        .world
        .store
        .events()
        .iter()
        .filter(|envelope| {
            matches!(
                &envelope.event,
                AnyEvent::Ledger(LedgerEvent::CreditsDeducted { interval: 0, .. })
            )
        })
        .count();
    assert_eq!(of_first, 1, "the interval is charged once");
    managers.stop().await;
}
