//! What is seen only when several nouns work together.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{client::Thermidora, covers, on_both_databases};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    the_balance_falls_while_an_instance_runs,
    events_outlive_their_agent
);

/// A new instance that runs.
async fn instance(ada: &Thermidora<'_>) -> String {
    let made = ada
        .ok("create-instance", &[], Some(json!({ "name": "mine" })))
        .await;
    let id = made["instanceId"].as_str().unwrap().to_owned();
    ada.becomes("get-instance", &[&id], "status", "running").await;
    id
}

async fn the_balance_falls_while_an_instance_runs(rig: &Rig) {
    covers(&["thermidora.get-me.3"]);
    let ada = Thermidora::account(rig, "ada").await;
    let plan = json!({
        "id": "dear", "name": "Dear", "price_micro_per_hour": 3_600_000_000_u64,
        "metering_interval_s": 1, "charge_quantum_micro": 1,
    });
    let assign = json!({ "account_id": ada.account, "plan": plan });
    rig.command(OPERATOR, "AssignPlan", assign).await.ok();
    let balance = async || ada.ok("get-me", &[], None).await["balanceUsd"].as_f64().unwrap();
    assert!((balance().await - 100.0).abs() < f64::EPSILON);
    let id = instance(&ada).await;
    let started = Instant::now();
    let mut seen = vec![100.0];
    while seen.len() < 3 {
        let now = balance().await;
        let last = *seen.last().unwrap();
        assert!(now <= last, "it never rises: {seen:?}, {now}");
        if now < last {
            seen.push(now);
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it does not fall: {seen:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ada.ok("stop-instance", &[&id], None).await;
}

async fn events_outlive_their_agent(rig: &Rig) {
    covers(&["thermidora.delete-agent.3"]);
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada).await;
    let agent = json!({ "name": "support", "slug": "support-bot", "displayName": "Support Bot" });
    let agent = ada.ok("create-agent", &[&id], Some(agent)).await;
    let agent = agent["agentId"].as_str().unwrap();
    let hello = Some(json!({ "message": "hello" }));
    let reply = ada.ok("send-message", &[&id, agent], hello).await;
    ada.ok("delete-agent", &[&id, agent], None).await;
    ada.fails("list-messages", &[&id, agent], None, 404).await;
    let events = ada.ok("list-events", &[&id], None).await;
    assert_eq!(events["total"], 1, "{events}");
    let event = &events["events"][0];
    assert_eq!(event["messageId"], reply["messageId"]);
    assert_eq!(event["content"], reply["content"]);
    assert_eq!(event["agentSlug"], "support-bot");
}
