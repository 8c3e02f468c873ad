//! Specs of waking runtimes for cron jobs.

use std::time::Duration;

use chrono::TimeDelta;
use reef_domain::{AgentId, Dialect, RuntimeId};
use reef_projections::views::timer::Timers;

use super::{driver::Mood, stage::Stage};
use crate::{agent::StopAgent, ports::NodeEvents as _, spec::body, task::NodeReports};

/// The runtime says that a job is due after so many minutes.
async fn planned(stage: &Stage, (agent, runtime): &(AgentId, RuntimeId), minutes: i64) {
    let bus = &stage.world.bus;
    let due_at = bus.services().clock.now() + TimeDelta::minutes(minutes);
    let node = NodeReports::new(bus.clone(), TimeDelta::minutes(5));
    node.plan_cron(runtime, agent, Some(due_at)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_runtime_is_woken_when_a_job_is_due_and_not_before() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let placed = stage.running_agent().await;
    planned(&stage, &placed, 10).await;
    stage.pass(Duration::from_mins(9)).await;
    assert_eq!(stage.driver.calls("run_cron"), 0);
    stage
        .until("it is woken", async || stage.driver.calls("run_cron") == 1)
        .await;
    stage.pass(Duration::from_mins(30)).await;
    assert_eq!(
        (stage.driver.calls("run_cron"), stage.count("CronCameDue")),
        (1, 1)
    );
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_does_not_answer_is_woken_again() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let placed = stage.running_agent().await;
    stage.driver.set(Mood {
        each_fails_once: true,
        ..Mood::default()
    });
    planned(&stage, &placed, 1).await;
    stage
        .until("it is woken again", async || stage.driver.calls("run_cron") == 2)
        .await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_stopped_is_left_alone() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let placed = stage.running_agent().await;
    planned(&stage, &placed, 10).await;
    let stop: StopAgent = body(serde_json::json!({ "agent_id": placed.0 }));
    stage.world.by(&stage.member.caller, stop).await.unwrap();
    stage.until_event("CronCameDue").await;
    stage.pass(Duration::from_mins(5)).await;
    assert_eq!(stage.driver.calls("run_cron"), 0);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn plans_are_those_of_the_agents_own_runtime() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, runtime) = stage.running_agent().await;
    let node = NodeReports::new(stage.world.bus.clone(), TimeDelta::minutes(5));
    let foreign = node.plan_cron(&"rt_other".into(), &agent, None).await;
    assert_eq!(foreign.unwrap_err().code(), "not_found");
    planned(&stage, &(agent.clone(), runtime.clone()), 10).await;
    assert!(
        stage
            .world
            .doc::<Timers>(&format!("cron/{agent}"))
            .await
            .is_some()
    );
    node.plan_cron(&runtime, &agent, None).await.unwrap();
    assert!(
        stage
            .world
            .doc::<Timers>(&format!("cron/{agent}"))
            .await
            .is_none()
    );
    managers.stop().await;
}
