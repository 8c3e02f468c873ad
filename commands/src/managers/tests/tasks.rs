//! Specs of task orchestration.

use std::time::Duration;

use reef_domain::Dialect;
use reef_projections::views::task::Tasks;

use super::{driver::Mood, stage::Stage};
use crate::{
    agent::StopAgent,
    runtime::{ProvisionRuntime, StartRuntime, StopRuntime},
    spec::{body, code},
    task::{ApproveTask, RejectTask},
};

async fn failure(stage: &Stage, task: &reef_domain::TaskId) -> String {
    stage
        .world
        .doc::<Tasks>(task)
        .await
        .unwrap()
        .failure
        .unwrap()
        .code
}

#[tokio::test(start_paused = true)]
async fn a_task_is_done_by_a_running_agent() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let task = stage.submit(&agent, "read").await;
    stage.until_task(&task, "completed").await;
    let doc = stage.world.doc::<Tasks>(&task).await.unwrap();
    let steps: Vec<_> = doc.history.iter().map(|step| step.status.name()).collect();
    assert_eq!(steps, ["pending", "running", "completed"]);
    assert_eq!(
        (doc.result.as_deref(), doc.usage.output_tokens),
        (Some("done"), 2)
    );
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_given_before_the_agent_is_up_waits_for_it() {
    let stage = Stage::new(Dialect::Native).await;
    let agent = stage.deploy().await;
    let task = stage.submit(&agent, "read").await;
    let managers = stage.managers();
    stage.until_task(&task, "completed").await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_needs_confirmation_waits_for_a_person() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let task = stage.submit(&agent, "confirm it").await;
    stage.until_task(&task, "awaiting_approval").await;
    stage
        .world
        .by(
            &stage.member.caller,
            ApproveTask {
                task_id: task.clone(),
            },
        )
        .await
        .unwrap();
    stage.until_task(&task, "completed").await;
    let refused = stage
        .world
        .by(
            &stage.member.caller,
            RejectTask {
                task_id: task.clone(),
            },
        )
        .await;
    assert_eq!(code(refused), "approval_already_resolved");
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rejected_task_is_not_carried_out() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let task = stage.submit(&agent, "confirm it").await;
    stage.until_task(&task, "awaiting_approval").await;
    stage
        .world
        .by(
            &stage.member.caller,
            RejectTask {
                task_id: task.clone(),
            },
        )
        .await
        .unwrap();
    let ran = stage.driver.calls("run_task");
    stage.pass(Duration::from_mins(10)).await;
    assert_eq!(stage.driver.calls("run_task"), ran);
    assert_eq!(
        stage.world.doc::<Tasks>(&task).await.unwrap().status.name(),
        "rejected"
    );
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_approval_nobody_gives_in_time_fails_the_task() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let task = stage.submit(&agent, "confirm it").await;
    stage.until_task(&task, "awaiting_approval").await;
    stage.pass(Duration::from_mins(4)).await;
    assert_eq!(
        stage.world.doc::<Tasks>(&task).await.unwrap().status.name(),
        "awaiting_approval"
    );
    stage.until_task(&task, "failed").await;
    assert_eq!(failure(&stage, &task).await, "approval_expired");
    let refused = stage
        .world
        .by(
            &stage.member.caller,
            ApproveTask {
                task_id: task.clone(),
            },
        )
        .await;
    assert_eq!(code(refused), "approval_expired");
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn each_step_may_fail_once() {
    let stage = Stage::new(Dialect::Native).await;
    stage.driver.set(Mood {
        each_fails_once: true,
        ..Mood::default()
    });
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let task = stage.submit(&agent, "read").await;
    stage.until_task(&task, "completed").await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_nothing_is_heard_of_does_not_stay_running() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let task = stage.submit(&agent, "forget it").await;
    stage.until_task(&task, "failed").await;
    assert_eq!(failure(&stage, &task).await, "runtime_error");
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_an_agent_ends_its_open_tasks_also_while_one_is_being_worked_on() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let working = stage.submit(&agent, "hang on").await;
    let asking = stage.submit(&agent, "confirm it").await;
    stage.until_task(&working, "running").await;
    stage.until_task(&asking, "awaiting_approval").await;
    stage
        .world
        .by(
            &stage.member.caller,
            StopAgent {
                agent_id: agent.clone(),
            },
        )
        .await
        .unwrap();
    for task in [&working, &asking] {
        stage.until_task(task, "failed").await;
        assert_eq!(failure(&stage, task).await, "agent_stopped");
    }
    drop(managers);
}

#[tokio::test(start_paused = true)]
async fn a_shared_runtime_going_down_fails_what_runs_and_keeps_what_waits() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let provision: ProvisionRuntime = body(serde_json::json!({}));
    stage.world.by(&stage.member.caller, provision).await.unwrap();
    let (agent, runtime) = stage.running_agent().await;
    let working = stage.submit(&agent, "hang on").await;
    let asking = stage.submit(&agent, "confirm it").await;
    stage.until_task(&working, "running").await;
    stage.until_task(&asking, "awaiting_approval").await;
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
    stage.until_task(&working, "failed").await;
    assert_eq!(failure(&stage, &working).await, "runtime_stopped");
    let waiting = stage.submit(&agent, "read").await;
    stage
        .world
        .by(
            &stage.member.caller,
            ApproveTask {
                task_id: asking.clone(),
            },
        )
        .await
        .unwrap();
    stage.pass(Duration::from_secs(30)).await;
    assert_eq!(
        stage.world.doc::<Tasks>(&waiting).await.unwrap().status.name(),
        "pending"
    );
    stage
        .world
        .by(&stage.member.caller, StartRuntime::new(runtime))
        .await
        .unwrap();
    stage.until_task(&waiting, "completed").await;
    stage.until_task(&asking, "completed").await;
    drop(managers);
}

#[tokio::test(start_paused = true)]
async fn a_task_being_worked_on_when_the_server_died_is_taken_up_again() {
    let stage = Stage::new(Dialect::Native).await;
    let agent = stage.deploy().await;
    let mut crashing = stage.managers_doing_all_twice();
    stage.until_agent(&agent, "running").await;
    let task = stage.submit(&agent, "hang on").await;
    stage.until_task(&task, "running").await;
    crashing.shutdown().await;
    let before = stage.driver.calls("run_task");
    let managers = stage.managers();
    stage
        .until("the task is handed out again", async || {
            stage.driver.calls("run_task") > before
        })
        .await;
    drop(managers);
}
