//! Specs of what a deleted agent leaves behind: nothing.

use std::time::Duration;

use futures::StreamExt as _;
use reef_domain::{Dialect, RuntimeId, agent::Agent, runtime::RuntimeStatus};
use reef_projections::{
    Query,
    views::{
        agent::Agents, conversation::Conversations, message::Messages, runtime::Runtimes, task::Tasks,
        timer::Timers, usage::Usages,
    },
};

use super::{driver::Mood, stage::Stage};
use crate::{
    Request,
    agent::DeleteAgent,
    conversation::{Chat, SendMessage},
    ports::{VaultError, VaultOwner},
    runtime::ProvisionRuntime,
    spec::{body, code},
};

async fn left<P: reef_projections::Projection>(stage: &Stage) -> usize {
    stage
        .world
        .bus
        .services()
        .views
        .all::<P>(Query::default())
        .await
        .unwrap()
        .len()
}

async fn say(stage: &Stage, agent: &reef_domain::AgentId) {
    let chat = Chat::new(stage.world.bus.clone(), stage.context().drivers);
    let send: SendMessage = body(serde_json::json!({ "agent_id": agent, "content": "hello" }));
    let (_, parts) = chat
        .send(&send, Request::new(stage.member.caller.clone(), "spec"))
        .await
        .unwrap();
    assert_eq!(parts.count().await, 2);
}

async fn gone(stage: &Stage, agent: &reef_domain::AgentId) {
    stage.until_event("AgentDeleted").await;
    for (what, left) in [
        ("agents", left::<Agents>(stage).await),
        ("tasks", left::<Tasks>(stage).await),
        ("conversations", left::<Conversations>(stage).await),
        ("messages", left::<Messages>(stage).await),
        ("timers", left::<Timers>(stage).await),
    ] {
        assert_eq!(left, 0, "{what}");
    }
    assert_eq!(left::<Usages>(stage).await, 1, "figures are kept");
    let vault = &stage.world.bus.services().vault;
    let sealed = vault
        .seal(&VaultOwner::new("agent", agent), "purpose", b"text")
        .await;
    assert_eq!(sealed.unwrap_err(), VaultError::Destroyed);
    let again = stage
        .world
        .by(
            &stage.member.caller,
            DeleteAgent {
                agent_id: agent.clone(),
            },
        )
        .await;
    assert_eq!(code(again), "not_found");
}

#[tokio::test(start_paused = true)]
async fn an_agent_goes_with_everything_that_was_its_own() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, runtime) = stage.running_agent().await;
    say(&stage, &agent).await;
    let task = stage.submit(&agent, "confirm it").await;
    stage.until_task(&task, "awaiting_approval").await;
    stage
        .world
        .by(
            &stage.member.caller,
            DeleteAgent {
                agent_id: agent.clone(),
            },
        )
        .await
        .unwrap();
    assert_eq!(left::<Tasks>(&stage).await, 0, "at once");
    assert_eq!(left::<Messages>(&stage).await, 0, "at once");
    assert_eq!(stage.count("TaskFailed"), 1);
    gone(&stage, &agent).await;
    stage.until_event("RuntimeDestroyed").await;
    assert_eq!(stage.driver.machine(runtime.as_str()), None);
    assert_eq!(left::<Runtimes>(&stage).await, 0);
    stage
        .until("the rest is charged", async || {
            stage.count("CreditsDeducted") == 1
        })
        .await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn each_step_may_fail_once_and_run_twice() {
    let stage = Stage::new(Dialect::Native).await;
    stage.driver.set(Mood {
        each_fails_once: true,
        ..Mood::default()
    });
    let doubles = stage.managers_doing_all_twice();
    let (agent, _) = stage.running_agent().await;
    stage.driver.set(Mood::default());
    say(&stage, &agent).await;
    stage.driver.set(Mood {
        each_fails_once: true,
        ..Mood::default()
    });
    stage
        .world
        .by(
            &stage.member.caller,
            DeleteAgent {
                agent_id: agent.clone(),
            },
        )
        .await
        .unwrap();
    gone(&stage, &agent).await;
    stage.until_event("RuntimeDestroyed").await;
    for event in [
        "AgentDeletionStarted",
        "AgentDeleted",
        "RuntimeDestructionStarted",
        "RuntimeDestroyed",
    ] {
        assert_eq!(stage.count(event), 1, "{event}");
    }
    drop(doubles);
}

#[tokio::test(start_paused = true)]
async fn an_agent_leaves_a_shared_runtime_to_the_others() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let provision: ProvisionRuntime = body(serde_json::json!({}));
    let runtime = RuntimeId::from(
        stage
            .world
            .by(&stage.member.caller, provision)
            .await
            .unwrap()
            .aggregate
            .id,
    );
    let (agent, _) = stage.running_agent().await;
    let (other, _) = stage.running_agent().await;
    stage
        .world
        .by(
            &stage.member.caller,
            DeleteAgent {
                agent_id: agent.clone(),
            },
        )
        .await
        .unwrap();
    stage.until_event("AgentDeleted").await;
    stage.pass(Duration::from_secs(5)).await;
    assert_eq!(stage.driver.bundle(agent.as_str()), None);
    assert!(stage.driver.bundle(other.as_str()).is_some());
    let status = stage
        .world
        .state::<reef_domain::runtime::Runtime>(&runtime)
        .await
        .status;
    assert_eq!(status, RuntimeStatus::Running);
    assert_eq!(stage.world.state::<Agent>(&other).await.status.name(), "running");
    managers.stop().await;
}
