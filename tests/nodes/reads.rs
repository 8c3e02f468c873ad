//! What one node was told, the other knows at once: documents, credentials, idempotency keys, events.

use serde_json::{Value, json};

use crate::{
    harness::{Account, Heard},
    two_nodes,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_one_is_read_on_both() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    let account = Account::make(&first, "aquarium").await;
    let nodes = [account.client.clone(), second.client(Some(account.client.key()))];
    let policy = account.policy("0", "ALLOW: read").await;
    for number in 1..=20_usize {
        // Each node changes what the other changed last, on a state it has cached before.
        let body = json!({ "policy_id": policy, "name": number.to_string() });
        let written = nodes[number % 2].command("UpdatePolicy", body).await.ok();
        assert_eq!(written.body["aggregate"]["sequence"], number + 1);
        for node in &nodes {
            let read = node.get(&format!("/v1/views/policies/{policy}")).await.ok();
            assert_eq!(read.body["name"], number.to_string());
            let listed = node.get("/v1/views/policies").await.ok().body;
            assert_eq!(listed["data"][0]["name"], number.to_string());
            assert!(listed["position"].as_u64() >= Some(written.position()));
        }
        let stale =
            nodes[(number + 1) % 2].prepare("UpdatePolicy", &json!({ "policy_id": policy, "name": "stale" }));
        let stale = stale.header("If-Match", format!("\"{number}\""));
        nodes[0]
            .send(stale)
            .await
            .expect("an answer")
            .problem(412, "precondition_failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_revoked_on_one_is_refused_on_the_other_at_once() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    for number in 0..10 {
        let account = Account::make(&first, &format!("account-{number}")).await;
        let there = second.client(Some(account.client.key()));
        there.list("policies", "").await;
        first
            .operator()
            .command("RevokeApiKey", json!({ "key_id": account.key_id }))
            .await
            .ok();
        there.get("/v1/views/policies").await.problem(401, "unauthorized");
        let body = json!({ "name": "late", "rules": "ALLOW: read" });
        there
            .command("CreatePolicy", body)
            .await
            .problem(401, "unauthorized");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_counts_on_both() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    let account = Account::make(&first, "aquarium").await;
    let there = second.client(Some(account.client.key()));
    let body = json!({ "name": "once", "rules": "ALLOW: read" });
    for number in 0..10 {
        let key = format!("key-{number}");
        // At the same moment: one carries it out, the other gives the same answer, or says to wait for it.
        let (one, other) = tokio::join!(
            account.client.once(&key, "CreatePolicy", &body),
            there.once(&key, "CreatePolicy", &body)
        );
        let mut ids: Vec<Value> = Vec::new();
        for answer in [one.expect("an answer"), other.expect("an answer")] {
            if answer.status == 409 {
                answer.problem(409, "idempotency_key_in_flight");
            } else {
                ids.push(answer.ok().body);
            }
        }
        let later = there
            .once(&key, "CreatePolicy", &body)
            .await
            .expect("an answer")
            .ok();
        assert_eq!(later.header("idempotent-replayed"), Some("true"));
        assert!(
            !ids.is_empty() && ids.iter().all(|answer| *answer == later.body),
            "{ids:?} {}",
            later.body
        );
    }
    assert_eq!(there.list("policies", "").await.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_on_one_shows_what_the_other_does() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    let mut feed = second.operator().follow(0).await;
    let account = Account::make(&first, "aquarium").await;
    let mut last = 0;
    for number in 0..50 {
        let body = json!({ "name": number.to_string(), "rules": "ALLOW: read" });
        last = account.client.command("CreatePolicy", body).await.ok().position();
    }
    let heard = feed.up_to(last).await;
    let positions: Vec<u64> = heard.iter().map(Heard::position).collect();
    assert_eq!(positions, (1..=last).collect::<Vec<_>>());
}
