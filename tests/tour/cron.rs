//! An agent is asked to do something later, and does, also when the server was cut off in between; what it did
//! is in Thermidora's list of events.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Account, Client, Database, LONG, Log, Server, on_both_databases, wait_until};

on_both_databases!(a_cron_job_runs_and_its_result_is_listed);

/// Results of cron jobs on the instance, newest first.
async fn results(client: &Client, instance: &str) -> Vec<Value> {
    let path = format!("/thermidora/v1/instances/{instance}/events?source=cron");
    let listed = client.get(&path).await.ok().body;
    listed["events"].as_array().expect("a list").clone()
}

/// Waits until there are so many.
async fn becomes(client: &Client, instance: &str, count: usize) -> Vec<Value> {
    wait_until("a result of a cron job", LONG, async || {
        let found = results(client, instance).await;
        (found.len() == count).then_some(found)
    })
    .await
}

async fn a_cron_job_runs_and_its_result_is_listed(database: Database) {
    let mut server = Server::start(&database).await;
    let account = Account::of(&server.operator(), "thermidora", "ada").await;
    let instance = account
        .client
        .command("ProvisionRuntime", json!({}))
        .await
        .ok()
        .id();
    account.becomes("runtimes", &instance, "running").await;
    let agent = json!({
        "runtime_id": instance, "name": "watcher", "slug": "watcher", "display_name": "Price watcher",
        "model": "moonshotai.kimi-k2.5",
    });
    let agent = account.client.command("CreateAgent", agent).await.ok().id();
    account.becomes("agents", &agent, "running").await;

    let chat = account
        .chat(&agent, "schedule price in 1 second: What is the price?")
        .await;
    assert!(chat.text().contains("\"price\" is scheduled"), "{}", chat.text());
    let found = becomes(&account.client, &instance, 1).await;
    let content = found[0]["content"].as_str().expect("a text");
    assert!(content.contains("What is the price?"), "{content}");
    assert_eq!(found[0]["sender"]["name"], "Price watcher");

    // Due while the server is down: done late, and once.
    account
        .chat(&agent, "schedule news in 2 seconds: What is new?")
        .await;
    let asked = Instant::now();
    server.kill();
    wait_until("it is due", LONG, async || {
        (asked.elapsed().as_secs() > 2).then_some(())
    })
    .await;
    server.start_again().await;
    let found = becomes(&account.client, &instance, 2).await;
    let content = found[0]["content"].as_str().expect("a text");
    assert!(content.contains("What is new?"), "{content}");

    // What runs once has no other due time, and the log tells of each run once.
    wait_until("nothing is planned any more", LONG, async || {
        let timers = server.operator().list("timers", "").await;
        let cron = timers
            .iter()
            .any(|timer| timer["id"].as_str().is_some_and(|id| id.starts_with("cron/")));
        (!cron).then_some(())
    })
    .await;
    let log = Log::read(&server.operator()).await;
    assert_eq!(log.of_type("CronJobCompleted").count(), 2);
    let names: Vec<_> = log
        .of_type("CronJobCompleted")
        .map(|event| event["data"]["job_name"].clone())
        .collect();
    assert_eq!(names, [json!("price"), json!("news")]);
    let whole = serde_json::to_string(&log.0).expect("events are JSON");
    assert!(
        !whole.contains("What is new?"),
        "what was said is in the log in clear"
    );
}
