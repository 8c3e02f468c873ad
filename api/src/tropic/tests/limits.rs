//! 60 requests a minute, 10 of some.

use serde_json::json;

use super::{
    client::{Tropic, is_envelope, request, server},
    covers,
};
use crate::rig::{Database, Reply, Rig};

async fn limited() -> Rig {
    server(Database::sqlite(), |config| config.rate_limit_per_minute = 6000).await
}

#[track_caller]
fn is_refused(reply: &Reply) {
    assert_eq!(reply.status, 429, "{}", reply.text);
    is_envelope(reply);
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn sixty_requests_a_minute_by_whatever_key() {
    covers(&["tropic.x.5", "tropic.x.7"]);
    let rig = limited().await;
    let (ada, bob) = (Tropic::user(&rig, "ada").await, Tropic::user(&rig, "bob").await);
    let second = ada.ok("create-api-key", &[], None).await;
    let second = ada.with_key(second["key"].as_str().unwrap());
    for number in 1..60 {
        let user = if number % 2 == 0 { &ada } else { &second };
        user.ok("list-policies", &[], None).await;
    }
    for user in [&ada, &second] {
        is_refused(&user.call("list-policies", &[], None).await);
    }
    bob.ok("list-policies", &[], None).await;
    rig.stop().await;
}

#[tokio::test]
async fn ten_of_each_that_has_a_limit_of_its_own() {
    covers(&[
        "tropic.deploy-agent.13",
        "tropic.submit-task.7",
        "tropic.approve-task.6",
    ]);
    covers(&["tropic.reject-task.5", "tropic.x.6"]);
    let rig = limited().await;
    let ada = Tropic::user(&rig, "ada").await;
    let agent = ada.agent("Clownfish", None).await;
    // Making the agent took two requests, one of them a deploy.
    for (endpoint, args, before) in [
        ("deploy-agent", vec![], 1),
        ("submit-task", vec![&*agent], 0),
        ("approve-task", vec!["task_absent0"], 0),
        ("reject-task", vec!["task_absent0"], 0),
    ] {
        let body = json!({ "description": "", "templateId": "", "name": "" });
        for _ in before..10 {
            let reply = ada.call(endpoint, &args, Some(body.clone())).await;
            assert!(reply.status == 400 || reply.status == 404, "{}", reply.text);
        }
        is_refused(&ada.call(endpoint, &args, Some(body)).await);
    }
    // They count toward the sixty: 1 + 4 * 10 so far.
    for _ in 41..60 {
        ada.ok("list-policies", &[], None).await;
    }
    is_refused(&ada.call("list-policies", &[], None).await);
    rig.stop().await;
}

#[tokio::test]
async fn guessing_keys_is_limited_by_address() {
    let rig = limited().await;
    for guess in 0..60 {
        let reply = rig
            .send(request(&format!("guess-{guess}"), "GET", "/policies", None))
            .await;
        assert_eq!(reply.status, 401);
    }
    is_refused(&rig.send(request("", "GET", "/policies", None)).await);
    rig.stop().await;
}
