//! Specs of provisioning.

use std::{collections::BTreeSet, time::Duration};

use reef_domain::{Dialect, agent::Agent, policy::Policy, reservation::Reservation, runtime::Runtime};
use reef_projections::views::{agent::Agents, provisioning_job::ProvisioningJobs, runtime::Runtimes};

use super::{
    driver::{Machine, Mood},
    stage::Stage,
};
use crate::{
    agent::{StartAgent, StopAgent, UpdateAgent},
    runtime::{ProvisionRuntime, RestartGateway, StartRuntime, StopRuntime},
    spec::body,
};

async fn job_status(stage: &Stage) -> (String, Option<String>) {
    let page = stage
        .world
        .bus
        .services()
        .views
        .all::<ProvisioningJobs>(reef_projections::Query::default());
    let jobs = page.await.unwrap();
    let job = jobs.first().expect("a job");
    (
        job.status.name().to_owned(),
        job.error.as_ref().map(|error| error.code.clone()),
    )
}

#[tokio::test(start_paused = true)]
async fn a_deployed_agent_comes_up_on_a_runtime_of_its_own() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, runtime) = stage.running_agent().await;
    let doc = stage.world.doc::<Runtimes>(&runtime).await.unwrap();
    assert_eq!((doc.status.name(), doc.run, doc.deadline), ("running", 1, None));
    assert_eq!(doc.provider_ref, Some(format!("fake-{runtime}")));
    assert_eq!(job_status(&stage).await, ("done".to_owned(), None));
    let policy = stage.world.state::<Agent>(&agent).await.policy_id.unwrap();
    let rules = stage.world.state::<Policy>(&policy).await.rules;
    assert_eq!(
        stage.driver.bundle(agent.as_str()).unwrap().policy_rules,
        Some(rules)
    );
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
    let (agent, runtime) = stage.running_agent().await;
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
    stage.until_event("RuntimeStopped").await;
    stage
        .world
        .by(
            &stage.member.caller,
            StartAgent {
                agent_id: agent.clone(),
            },
        )
        .await
        .unwrap();
    stage.until_agent(&agent, "running").await;
    assert_eq!(stage.world.state::<Runtime>(&runtime).await.run, 2);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn each_step_may_run_twice() {
    let mut histories = Vec::new();
    for twice in [false, true] {
        let stage = Stage::new(Dialect::Native).await;
        let (managers, doubles) = if twice {
            (None, Some(stage.managers_doing_all_twice()))
        } else {
            (Some(stage.managers()), None)
        };
        let (agent, runtime) = stage.running_agent().await;
        stage
            .world
            .by(
                &stage.member.caller,
                RestartGateway {
                    runtime_id: runtime.clone(),
                },
            )
            .await
            .unwrap();
        stage.until_event("GatewayRestarted").await;
        let task = stage.submit(&agent, "read").await;
        stage.until_task(&task, "completed").await;
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
        stage.until_event("RuntimeStopped").await;
        stage.until_event("CreditsDeducted").await;
        stage.pass(Duration::from_secs(5)).await;
        let mut kinds = stage.world.event_types();
        kinds.sort_unstable();
        histories.push(kinds);
        drop(doubles);
        if let Some(managers) = managers {
            managers.stop().await;
        }
    }
    assert_eq!(
        histories[0], histories[1],
        "what was done once and what was done twice"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_committed_before_a_crash_is_done_after_it() {
    let stage = Stage::new(Dialect::Native).await;
    let agent = stage.deploy().await;
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(stage.driver.calls("provision"), 0, "nothing runs yet");
    stage.driver.set(Mood {
        never_up: true,
        ..Mood::default()
    });
    let mut crashing = stage.managers_doing_all_twice();
    stage
        .until("the provider is asked", async || {
            stage.driver.calls("provision") > 0
        })
        .await;
    crashing.shutdown().await;
    stage.driver.set(Mood::default());
    let managers = stage.managers();
    stage.until_agent(&agent, "running").await;
    assert_eq!(
        stage.driver.tokens("provision").len(),
        1,
        "the provider can tell that it is the same step"
    );
    assert_eq!(stage.count("RuntimeRunning"), 1);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_up_by_its_deadline_has_failed() {
    let stage = Stage::new(Dialect::Native).await;
    stage.driver.set(Mood {
        never_up: true,
        ..Mood::default()
    });
    let managers = stage.managers();
    let agent = stage.deploy().await;
    stage.until_agent(&agent, "failed").await;
    let doc = stage.world.doc::<Agents>(&agent).await.unwrap();
    assert_eq!(doc.last_error.unwrap().code, "runtime_failed");
    let runtime = doc.runtime_id.unwrap();
    let runtime = stage.world.doc::<Runtimes>(&runtime).await.unwrap();
    assert_eq!(runtime.last_error.unwrap().code, "deadline_passed");
    assert_eq!(
        runtime.provider_ref,
        Some(format!("fake-{}", runtime.id)),
        "kept while it was pending"
    );
    assert_eq!(
        job_status(&stage).await,
        ("failed".to_owned(), Some("deadline_passed".to_owned()))
    );
    assert!(stage.driver.calls("stop") > 0, "nothing of it may run on");
    assert_eq!(stage.count("CreditsDeducted"), 0);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_machine_fails_runtime_agent_and_job_and_can_be_started_again() {
    let stage = Stage::new(Dialect::Native).await;
    let agent = stage.deploy().await;
    let runtime = stage.world.state::<Agent>(&agent).await.runtime_id.unwrap();
    stage.driver.make(runtime.as_str(), Some(Machine::Broken));
    let managers = stage.managers();
    stage.until_agent(&agent, "failed").await;
    assert_eq!(
        job_status(&stage).await,
        ("failed".to_owned(), Some("provider_failed".to_owned()))
    );
    stage.driver.make(runtime.as_str(), Some(Machine::Down));
    stage
        .world
        .by(&stage.member.caller, StartRuntime::new(runtime))
        .await
        .unwrap();
    stage.until_agent(&agent, "running").await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_stopped_on_its_way_never_comes_up() {
    let stage = Stage::new(Dialect::Native).await;
    stage.driver.set(Mood {
        never_up: true,
        ..Mood::default()
    });
    let managers = stage.managers();
    let agent = stage.deploy().await;
    stage
        .until("the provider is asked", async || {
            stage.driver.calls("provision") > 1
        })
        .await;
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
    stage.until_event("RuntimeStopped").await;
    stage.driver.set(Mood::default());
    stage.pass(Duration::from_mins(20)).await;
    assert_eq!(
        (stage.count("RuntimeRunning"), stage.count("RuntimeFailed")),
        (0, 0)
    );
    assert_eq!(
        job_status(&stage).await,
        ("failed".to_owned(), Some("unwanted".to_owned()))
    );
    stage
        .world
        .by(
            &stage.member.caller,
            StartAgent {
                agent_id: agent.clone(),
            },
        )
        .await
        .unwrap();
    stage.until_agent(&agent, "running").await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_stops_and_starts_with_its_own_runtime() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, runtime) = stage.running_agent().await;
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
    stage.until_agent(&agent, "stopped").await;
    let places = format!("active-agents/{}", stage.member.user);
    assert_eq!(
        stage.world.state::<Reservation>(&places).await.holders,
        BTreeSet::new()
    );
    stage
        .world
        .by(&stage.member.caller, StartRuntime::new(runtime.clone()))
        .await
        .unwrap();
    stage.until_agent(&agent, "running").await;
    assert_eq!(stage.world.state::<Reservation>(&places).await.holders.len(), 1);
    assert_eq!(stage.world.state::<Runtime>(&runtime).await.run, 2);
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_does_not_stop_at_once_is_stopped_later() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (_, runtime) = stage.running_agent().await;
    stage.driver.set(Mood {
        never_down: true,
        ..Mood::default()
    });
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
    stage.pass(Duration::from_mins(3)).await;
    assert_eq!(
        stage.world.doc::<Runtimes>(&runtime).await.unwrap().status.name(),
        "stopping"
    );
    stage.driver.set(Mood::default());
    stage.until_event("RuntimeStopped").await;
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn agents_of_a_user_wait_for_the_shared_runtime_and_come_up_with_it() {
    let stage = Stage::new(Dialect::Tropic).await;
    let managers = stage.managers();
    let waiting = stage.deploy().await;
    stage.pass(Duration::from_secs(30)).await;
    assert_eq!(
        stage.world.doc::<Agents>(&waiting).await.unwrap().status.name(),
        "provisioning"
    );
    assert_eq!(stage.driver.calls("provision"), 0);
    let provision: ProvisionRuntime = body(serde_json::json!({}));
    let answer = stage.world.by(&stage.member.caller, provision).await.unwrap();
    stage.until_agent(&waiting, "running").await;
    let (second, runtime) = stage.running_agent().await;
    assert_eq!(runtime.as_str(), answer.aggregate.id);
    assert_ne!(second, waiting);
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
    stage.until_event("RuntimeStopped").await;
    stage.pass(Duration::from_secs(5)).await;
    assert_eq!(
        stage.count("AgentStopped"),
        0,
        "they come back with their runtime"
    );
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_takes_no_agent_fails_it() {
    let stage = Stage::new(Dialect::Native).await;
    stage.driver.set(Mood {
        takes_no_agents: true,
        ..Mood::default()
    });
    let managers = stage.managers();
    let agent = stage.deploy().await;
    stage.until_agent(&agent, "failed").await;
    let doc = stage.world.doc::<Agents>(&agent).await.unwrap();
    assert_eq!(doc.last_error.unwrap().code, "push_failed");
    managers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn changes_of_a_running_agent_are_pushed_at_once() {
    let stage = Stage::new(Dialect::Native).await;
    let managers = stage.managers();
    let (agent, _) = stage.running_agent().await;
    let update: UpdateAgent = body(serde_json::json!({ "agent_id": agent, "model": "m-2" }));
    stage.world.by(&stage.member.caller, update).await.unwrap();
    stage
        .until("the new model is there", async || {
            stage
                .driver
                .bundle(agent.as_str())
                .is_some_and(|bundle| bundle.model == "m-2")
        })
        .await;
    managers.stop().await;
}
