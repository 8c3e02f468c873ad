//! Cron jobs of an agent, with a clock that the test sets.

use chrono::{DateTime, TimeDelta, Utc};
use reef_commands::{
    CommandError,
    activity::Did,
    ports::{AgentBundle, DriverError, RuntimeDriver as _},
};
use serde_json::{Value, json};

use super::{
    chats::{REPLY, at},
    world::{Report, World, bundle, spec, token},
};
use crate::{
    ModelConfig,
    model::scripted_server::{ScriptedServer, events, plain},
};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn job(name: &str, schedule: &Value) -> Value {
    json!({
        "id": name, "name": name, "enabled": true, "schedule": schedule, "sessionTarget": "isolated", "wakeMode": "now",
        "payload": { "kind": "agentTurn", "message": format!("Tell me about {name}.") }, "delivery": { "mode": "none" }
    })
}

fn with_jobs(jobs: &[Value]) -> AgentBundle {
    let mut bundle = bundle();
    let file = json!({ "version": 1, "jobs": jobs }).to_string();
    bundle.workspace.insert("cron/jobs.json".to_owned(), file);
    bundle
}

/// A world whose agent came with these jobs.
async fn with(models: ModelConfig, jobs: &[Value]) -> World {
    let world = World::with_models(models);
    world
        .driver
        .provision(&spec(), &token("provision"))
        .await
        .unwrap();
    world
        .driver
        .push(&spec(), &with_jobs(jobs), &token("push"))
        .await
        .unwrap();
    world
}

fn hourly() -> Value {
    job(
        "tides",
        &json!({ "kind": "cron", "expr": "0 * * * *", "tz": "Europe/Berlin" }),
    )
}

fn pass(world: &World, time: TimeDelta) {
    *world.clock.0.lock().unwrap() += time;
}

async fn run(world: &World) -> Result<(), DriverError> {
    world.driver.run_cron(&spec(), &bundle()).await
}

/// When the next job was last said to be due.
fn planned(world: &World) -> Option<DateTime<Utc>> {
    let reports = world.reports();
    let plans = reports.iter().rev().find_map(|report| match report {
        Report::Planned(_, due_at) => Some(*due_at),
        Report::Claimed
        | Report::ApprovalAsked { .. }
        | Report::Completed { .. }
        | Report::Failed { .. }
        | Report::Did(_) => None,
    });
    plans.expect("something was planned")
}

/// What was reported of runs: report id, what it was, content.
fn did(world: &World) -> Vec<(String, Did, String)> {
    let reports = world.reports().into_iter().filter_map(|report| match report {
        Report::Did(did) => Some((did.report_id, did.did, did.content)),
        Report::Claimed
        | Report::ApprovalAsked { .. }
        | Report::Completed { .. }
        | Report::Failed { .. }
        | Report::Planned(..) => None,
    });
    reports.collect()
}

#[tokio::test]
async fn a_job_of_the_workspace_is_planned_run_and_planned_again() {
    let server = ScriptedServer::start(vec![events(REPLY)]).await;
    let world = with(at(&server), &[hourly()]).await;
    assert_eq!(planned(&world), Some(utc("2026-02-19T11:00:00Z")));

    // Woken too early, it does nothing.
    run(&world).await.unwrap();
    assert!(did(&world).is_empty());

    pass(&world, TimeDelta::minutes(60));
    run(&world).await.unwrap();
    let (id, what, content) = did(&world).pop().unwrap();
    assert_eq!(
        id,
        format!("cron/{}/tides", utc("2026-02-19T11:00:00Z").timestamp_millis())
    );
    let job_name = "tides".to_owned();
    assert_eq!(
        (what, &*content),
        (Did::CompletedCronJob { job_name }, "The tide turns.")
    );
    assert_eq!(planned(&world), Some(utc("2026-02-19T12:00:00Z")));
    let asked = server.received()[0].body["messages"].clone();
    assert_eq!(asked[1]["content"], "Tell me about tides.");
    assert!(asked[0]["content"].as_str().unwrap().contains("You are calm."));
    assert!(
        world
            .file("MEMORY.md")
            .await
            .unwrap()
            .contains("Tell me about tides.")
    );
}

#[tokio::test]
async fn of_times_that_were_missed_the_last_is_made_up_for_once() {
    let world = with(ModelConfig::default(), &[hourly()]).await;
    pass(&world, TimeDelta::hours(30));
    let world = world.restarted();
    world
        .driver
        .push(&spec(), &bundle(), &token("again"))
        .await
        .unwrap();
    assert_eq!(
        planned(&world),
        Some(utc("2026-02-19T11:00:00Z")),
        "in the past: at once"
    );
    run(&world).await.unwrap();
    run(&world).await.unwrap();
    let ids: Vec<_> = did(&world).into_iter().map(|(id, ..)| id).collect();
    let last = utc("2026-02-20T16:00:00Z").timestamp_millis();
    assert_eq!(ids, [format!("cron/{last}/tides")]);
    assert_eq!(planned(&world), Some(utc("2026-02-20T17:00:00Z")));
}

#[tokio::test]
async fn a_run_whose_report_was_not_taken_is_reported_again_under_the_same_id() {
    let world = with(ModelConfig::default(), &[hourly()]).await;
    pass(&world, TimeDelta::hours(1));
    let away = || CommandError::Corrupt("killed in between".to_owned());
    world.node.errors.lock().unwrap().push_back(away());
    run(&world).await.unwrap_err();
    let world = world.restarted();
    pass(&world, TimeDelta::minutes(5));
    run(&world).await.unwrap();
    let ids: Vec<_> = did(&world).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(
        ids,
        [format!(
            "cron/{}/tides",
            utc("2026-02-19T11:00:00Z").timestamp_millis()
        )]
    );
}

#[tokio::test]
async fn nothing_runs_while_runtime_or_agent_rest() {
    let world = with(ModelConfig::default(), &[hourly()]).await;
    pass(&world, TimeDelta::hours(1));
    world
        .driver
        .rest_agent(&spec(), &bundle().agent_id, &token("rest"))
        .await
        .unwrap();
    run(&world).await.unwrap_err();
    world
        .driver
        .push(&spec(), &bundle(), &token("back"))
        .await
        .unwrap();
    world.driver.stop(&spec(), &token("stop")).await.unwrap();
    run(&world).await.unwrap_err();
    assert!(did(&world).is_empty());
    world.driver.start(&spec(), &token("start")).await.unwrap();
    run(&world).await.unwrap();
    assert_eq!(did(&world).len(), 1);
}

#[tokio::test]
async fn a_failed_run_is_an_error_of_the_agent_and_the_job_goes_on() {
    let server = ScriptedServer::start(vec![plain("401 Unauthorized", "application/json", "{}")]).await;
    let world = with(at(&server), &[hourly()]).await;
    pass(&world, TimeDelta::hours(1));
    run(&world).await.unwrap();
    let (_, what, content) = did(&world).pop().unwrap();
    let failed = Did::ReportedError {
        code: "model_error".to_owned(),
        job_name: Some("tides".to_owned()),
    };
    assert_eq!(what, failed);
    assert!(!content.is_empty());
    assert_eq!(planned(&world), Some(utc("2026-02-19T12:00:00Z")));
}

#[tokio::test]
async fn what_cannot_be_run_is_told_and_the_others_run() {
    let moon = job("moon", &json!({ "kind": "moon" }));
    let world = with(ModelConfig::default(), &[moon, hourly()]).await;
    let (_, what, content) = did(&world).pop().unwrap();
    let invalid = Did::ReportedError {
        code: "cron_job_invalid".to_owned(),
        job_name: None,
    };
    assert_eq!(what, invalid);
    assert!(content.contains("moon"), "{content}");
    assert_eq!(planned(&world), Some(utc("2026-02-19T11:00:00Z")));
}

#[tokio::test]
async fn an_agent_without_a_model_schedules_what_it_is_asked_to() {
    let world = World::running(ModelConfig::default()).await;
    assert!(
        !world
            .reports()
            .iter()
            .any(|report| matches!(report, Report::Planned(..))),
        "without jobs nothing is planned"
    );
    let (text, ..) = world
        .say("schedule price every 5 minutes: What is the price?")
        .await
        .unwrap();
    assert!(text.contains("\"price\" is scheduled"), "{text}");
    assert_eq!(planned(&world), Some(utc("2026-02-19T10:05:00Z")));
    let file = world.file("cron/jobs.json").await.unwrap();
    assert!(file.contains("What is the price?"), "{file}");
    let (text, ..) = world.say("list jobs").await.unwrap();
    assert!(text.contains("Scheduled: \"price\""), "{text}");

    pass(&world, TimeDelta::minutes(5));
    run(&world).await.unwrap();
    let (_, _, content) = did(&world).pop().unwrap();
    assert!(content.contains("What is the price?"), "{content}");

    let (text, ..) = world.say("unschedule price").await.unwrap();
    assert!(text.contains("scheduled no more"), "{text}");
    assert_eq!(planned(&world), None);
    let (text, ..) = world.say("schedule price on 61 * * * *: x").await.unwrap();
    assert!(text.contains("cannot schedule"), "{text}");
    let (help, ..) = world.say("help").await.unwrap();
    assert!(help.contains("schedule NAME every 5 minutes"), "{help}");
}
