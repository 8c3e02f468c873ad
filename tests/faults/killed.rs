//! kill -9 under load, again and again.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::load::Load;
use crate::harness::{
    Account, Client, Database, LONG, Log, SHORT, Server, on_both_databases, rebuilt_views_are_equal,
    wait_until,
};

on_both_databases!(nothing_is_lost_or_doubled);

/// Starting anew takes longer where the tables are a server's.
fn rounds(database: &Database) -> usize {
    if database.is_sqlite() { 50 } else { 20 }
}

async fn nothing_is_lost_or_doubled(database: Database) {
    let rounds = rounds(&database);
    let mut server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let plan = json!({ "id": "quick", "name": "Quick", "metering_interval_s": 1, "price_micro_per_hour": 3_600_000 });
    server
        .operator()
        .command("AssignPlan", json!({ "account_id": account.id, "plan": plan }))
        .await
        .ok();
    let load = Load::prepare(&account).await;

    for round in 0..rounds {
        let enough = load.acknowledged() + 20 + (round * 37) % 120;
        let writers = load.start();
        wait_until("the load goes on", SHORT, async || {
            (load.acknowledged() >= enough).then_some(())
        })
        .await;
        server.kill();
        writers.end().await;
        server.start_again().await;
        load.finish_open().await;
        load.repeat_last(4).await;
    }

    every_task_ends(&account, rounds).await;
    // Nothing is metered any more, so that what is compared stands still.
    account
        .client
        .command("StopAgent", json!({ "agent_id": load.agent }))
        .await
        .ok();
    let agent = account.becomes("agents", &load.agent, "stopped").await;
    let runtime = agent["runtime_id"].as_str().expect("a runtime of its own");
    account.becomes("runtimes", runtime, "stopped").await;
    let log = Log::read(&server.operator()).await;
    load.is_in(&log);
    effects_happened_once(&log);
    server.reef(&["verify"]).await.ok();
    rebuilt_views_are_equal(&server).await;
    nothing_is_parked(&server.operator()).await;
    assert!(!server.said().contains("panicked"), "{}", server.said());
}

/// No task is left behind by a worker that was killed.
async fn every_task_ends(account: &Account, rounds: usize) {
    let count = account.client.list("tasks", "").await.len();
    assert!(count > rounds, "only {count} tasks");
    wait_until("every task is completed", LONG, async || {
        let completed = account.client.list("tasks", "status=completed").await.len();
        (completed == count).then_some(())
    })
    .await;
}

fn effects_happened_once(log: &Log) {
    for kind in ["RuntimeRequested", "AgentDeployed", "TaskCompleted"] {
        let counts = log.count_by_aggregate(kind);
        assert!(
            !counts.is_empty() && counts.values().all(|count| *count == 1),
            "{kind}: {counts:?}"
        );
    }
    // A run is observed once, and each of its intervals is charged once.
    let once = |kind: &'static str, fields: &[&str]| {
        let mut seen = BTreeSet::new();
        for event in log.of_type(kind) {
            let mut name: Vec<String> = fields
                .iter()
                .map(|field| event["data"][field].to_string())
                .collect();
            name.push(event["aggregateid"].to_string());
            assert!(seen.insert(name), "{kind} twice: {event}");
        }
        seen.len()
    };
    assert!(once("RuntimeRunning", &["run"]) > 0);
    assert!(once("CreditsDeducted", &["runtime_id", "run", "interval"]) > 0);
}

async fn nothing_is_parked(operator: &Client) {
    let parked = operator.get("/v1/parked").await.ok().body;
    assert_eq!(
        parked["data"],
        Value::Array(Vec::new()),
        "effects that failed for good"
    );
}
