//! Specs of reconciliation.

use std::time::Duration;

use reef_domain::{Dialect, ledger::Ledger};
use reef_projections::views::runtime::Runtimes;

use super::{
    driver::{Machine, Mood},
    stage::Stage,
};

async fn health(stage: &Stage, runtime: &reef_domain::RuntimeId) -> serde_json::Value {
    serde_json::to_value(stage.world.doc::<Runtimes>(runtime).await.unwrap().health).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_died_is_not_shown_as_running() {
    for (left, code) in [
        (Some(Machine::Down), "stopped_outside"),
        (Some(Machine::Broken), "provider_failed"),
        (None, "absent"),
    ] {
        let stage = Stage::new(Dialect::Native).await;
        let managers = stage.managers();
        let (agent, runtime) = stage.running_agent().await;
        stage.driver.make(runtime.as_str(), left);
        stage.until_agent(&agent, "failed").await;
        let doc = stage.world.doc::<Runtimes>(&runtime).await.unwrap();
        assert_eq!(
            (doc.status.name(), doc.last_error.unwrap().code.as_str()),
            ("failed", code)
        );
        managers.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_died_while_the_server_was_down_is_charged_no_further() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, runtime) = stage.running_agent().await;
    stage.pass(Duration::from_mins(11)).await;
    managers.stop().await;
    let balance = async || {
        stage
            .world
            .state::<Ledger>(&stage.member.account)
            .await
            .balance_micro
    };
    let before = balance().await;
    stage.driver.make(runtime.as_str(), None);
    stage.pass(Duration::from_hours(10)).await;
    let managers = stage.managers();
    stage.until_agent(&agent, "failed").await;
    stage.pass(Duration::from_mins(10)).await;
    assert_eq!(balance().await, before);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_and_runs_all_the_same_is_stopped() {
    let stage = Stage::new(Dialect::Native).await;
    stage.driver.set(Mood {
        never_up: true,
        ..Mood::default()
    });
    let managers = stage.managers();
    let agent = stage.deploy().await;
    stage.until_agent(&agent, "failed").await;
    let runtime = stage
        .world
        .state::<reef_domain::agent::Agent>(&agent)
        .await
        .runtime_id
        .unwrap();
    stage.driver.make(runtime.as_str(), Some(Machine::Up));
    stage
        .until("the orphan is stopped", async || {
            stage.driver.machine(runtime.as_str()) == Some(Machine::Down)
        })
        .await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn not_knowing_is_no_observation() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (_, runtime) = stage.running_agent().await;
    stage.driver.set(Mood {
        silent: true,
        ..Mood::default()
    });
    stage
        .until("it is not heard of", async || {
            health(&stage, &runtime).await == "unreachable"
        })
        .await;
    assert_eq!(
        stage.world.doc::<Runtimes>(&runtime).await.unwrap().status.name(),
        "running"
    );
    stage.driver.set(Mood::default());
    stage
        .until("it is heard of again", async || {
            health(&stage, &runtime).await == "healthy"
        })
        .await;
    managers.stop().await;
}
