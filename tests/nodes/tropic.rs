//! Tropic on two nodes: limits and decisions hold over both, and a revoked key is unknown on both at once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Account, Answer, Client, LONG, wait_until},
    two_nodes,
};

async fn ask(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    let request = client.request(method, &format!("/tropic/api{path}"));
    let request = if body.is_null() {
        request
    } else {
        request.json(&body)
    };
    client.send(request).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_unknown_on_both_at_once() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    // "tropic.x.3", "tropic.revoke-api-key.1"
    for number in 0..10 {
        let here = Account::of(&first.operator(), "tropic", &format!("user-{number}"))
            .await
            .client;
        let made = ask(&here, Method::POST, "/api-keys", Value::Null).await.ok().body;
        let there = second.client(made["key"].as_str());
        ask(&there, Method::GET, "/policies", Value::Null).await.ok();
        let path = format!("/api-keys/{}", made["id"].as_str().expect("an id"));
        ask(&here, Method::DELETE, &path, Value::Null).await.ok();
        for node in [&there, &first.client(made["key"].as_str())] {
            let refused = ask(node, Method::GET, "/policies", Value::Null).await;
            assert_eq!(refused.status, 401, "{}", refused.text);
            assert_eq!(refused.body["error"], "Unauthorized");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_agents_over_both() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    // "tropic.deploy-agent.11"
    let here = Account::of(&first.operator(), "tropic", "ada").await.client;
    let there = second.client(Some(here.key()));
    let template = ask(&here, Method::GET, "/templates/web-research", Value::Null)
        .await
        .ok()
        .body;
    let deploy = async |number: usize| {
        let node = if number.is_multiple_of(2) { &here } else { &there };
        let body = json!({ "templateId": template["id"], "name": number.to_string() });
        ask(node, Method::POST, "/agents", body).await.status
    };
    let mut statuses = futures::future::join_all((0..10).map(deploy)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 201, 201, 400, 400, 400, 400, 400]);
    for node in [&here, &there] {
        let listed = ask(node, Method::GET, "/agents", Value::Null).await.ok().body;
        assert_eq!(listed.as_array().expect("a list").len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_decision_over_both() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    // "tropic.approve-task.5"
    let here = Account::of(&first.operator(), "tropic", "ada").await.client;
    let there = second.client(Some(here.key()));
    let policy = json!({ "name": "careful", "rules": "REQUIRE CONFIRM: send email" });
    let policy = ask(&here, Method::POST, "/policies", policy).await.ok().body;
    let template = ask(&here, Method::GET, "/templates/web-research", Value::Null)
        .await
        .ok()
        .body;
    let agent = json!({ "templateId": template["id"], "name": "a", "policyId": policy["id"] });
    let agent = ask(&here, Method::POST, "/agents", agent).await.ok().body;
    let owner = policy["userId"].as_str().expect("an owner");
    ask(&here, Method::POST, &format!("/vm/{owner}/start"), Value::Null)
        .await
        .ok();
    for number in 0..5 {
        let path = format!("/agents/{}/tasks", agent["id"].as_str().expect("an id"));
        let body = json!({ "description": format!("send email {number}") });
        let task = ask(&here, Method::POST, &path, body).await.ok().body;
        let task = format!("/agent-tasks/{}", task["id"].as_str().expect("an id"));
        wait_until("the task waits for a person", LONG, async || {
            let shown = ask(&there, Method::GET, &task, Value::Null).await.ok().body;
            (shown["status"] == "awaiting_approval").then_some(())
        })
        .await;
        let (approve, reject) = (format!("{task}/approve"), format!("{task}/reject"));
        let (one, two) = tokio::join!(
            ask(&here, Method::POST, &approve, Value::Null),
            ask(&there, Method::POST, &reject, Value::Null)
        );
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{} {}", one.text, two.text);
    }
}
