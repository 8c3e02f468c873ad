//! A client of Tropic changes its base URL, and everything is there and real.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Account, Answer, Client, Database, LONG, Log, Server, Setup, on_both_databases, wait_until,
};

on_both_databases!(a_researcher_at_work, who_asks_too_often_waits);

async fn ask(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    let request = client.request(method, &format!("/tropic/api{path}"));
    let request = if body.is_null() {
        request
    } else {
        request.json(&body)
    };
    client.send(request).await.expect("an answer")
}

/// Waits until what is read there has the value in the field.
async fn becomes(client: &Client, path: &str, field: &str, value: &str) -> Value {
    wait_until(&format!("{path} becomes {value}"), LONG, async || {
        let shown = ask(client, Method::GET, path, Value::Null).await.ok().body;
        (shown[field] == value).then_some(shown)
    })
    .await
}

async fn a_researcher_at_work(database: Database) {
    let mut server = Server::start(&database).await;
    let Account { user: me, client, .. } = Account::of(&server.operator(), "tropic", "ada").await;
    let agent = json!({ "templateId": "tmpl_web-research", "name": "My Web Researcher" });
    let agent = ask(&client, Method::POST, "/agents", agent).await.ok().body;
    assert_eq!(agent["status"], "provisioning");
    let path = format!("/agents/{}", agent["id"].as_str().expect("an id"));
    let started = ask(&client, Method::POST, &format!("/vm/{me}/start"), Value::Null)
        .await
        .ok()
        .body;
    assert_eq!(started["status"], "provisioning");
    becomes(&client, &path, "status", "ready").await;

    let task = json!({ "description": "publish a summary" });
    let task = ask(&client, Method::POST, &format!("{path}/tasks"), task)
        .await
        .ok()
        .body;
    let task = format!("/agent-tasks/{}", task["id"].as_str().expect("an id"));
    becomes(&client, &task, "status", "awaiting_approval").await;
    // What waits for a person waits through a power failure.
    server.kill();
    server.start_again().await;
    becomes(&client, &task, "status", "awaiting_approval").await;
    let approved = ask(&client, Method::POST, &format!("{task}/approve"), Value::Null)
        .await
        .ok()
        .body;
    assert_eq!(approved["status"], "running");
    becomes(&client, &task, "status", "completed").await;

    let ip = ask(
        &client,
        Method::GET,
        &format!("/settings/{me}/current-ip"),
        Value::Null,
    )
    .await
    .ok()
    .body;
    assert_eq!(ip, json!({ "ip": "127.0.0.1" }));
    let rules = ask(
        &client,
        Method::GET,
        &format!("/settings/{me}/firewall-rules"),
        Value::Null,
    )
    .await
    .ok();
    assert_eq!(rules.body["rules"]["22"], json!(["127.0.0.1/32"]));
    ask(&client, Method::POST, &format!("/vm/{me}/stop"), Value::Null)
        .await
        .ok();
    becomes(&client, &format!("/vm/{me}/status"), "status", "stopped").await;

    // All of it is in the one log, as Tropic's.
    let log = Log::read(&server.operator()).await;
    assert_eq!(log.of_type("TaskApproved").count(), 1);
    let events = server.operator().events(0).await;
    let deployed = events
        .iter()
        .find(|event| event["type"] == "AgentDeployed")
        .expect("it was deployed");
    assert_eq!(deployed["dialect"], "tropic");
    let document = client.get("/tropic/api/openapi.json").await.ok().body;
    assert_eq!(document["openapi"], "3.1.0");
}

async fn who_asks_too_often_waits(database: Database) {
    let server = Setup::on(&database)
        .with("REEF_RATE_LIMIT_PER_MINUTE", "6000")
        .start()
        .await;
    let client = Account::of(&server.operator(), "tropic", "ada").await.client;
    let refused = wait_until("somebody is refused", LONG, async || {
        let answer = ask(&client, Method::GET, "/policies", Value::Null).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert_eq!(refused.body["error"], "Rate Limited");
    let wait = refused
        .header("retry-after")
        .and_then(|text| text.parse::<u64>().ok());
    assert!(wait.is_some_and(|wait| (1..=60).contains(&wait)), "{wait:?}");
}
