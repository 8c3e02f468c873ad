//! How deliveries fare, as their owners read it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use reef_commands::{
    Gateways,
    ports::{WebhookAnswer, WebhookFailure, WebhookPost, WebhookSender},
};
use serde_json::{Value, json};

use super::{OPERATOR, Rig};
use crate::rig::Database;

/// Answers `/gone` with 410, `/ok` with 200 and everything else not at all.
struct Receivers;

#[async_trait]
impl WebhookSender for Receivers {
    async fn post(&self, post: WebhookPost) -> Result<WebhookAnswer, WebhookFailure> {
        let status = match post.url.rsplit('/').next() {
            Some("ok") => 200,
            Some("gone") => 410,
            _ => return Err(WebhookFailure::Connect("connection refused".to_owned())),
        };
        Ok(WebhookAnswer {
            status,
            retry_after: None,
            body: "thanks".to_owned(),
            took: Duration::from_millis(3),
        })
    }

    async fn check(&self, _: &str) -> Result<(), WebhookFailure> {
        Ok(())
    }
}

async fn rig() -> Rig {
    let gateways = Gateways {
        webhooks: Some(Arc::new(Receivers)),
        ..Gateways::default()
    };
    Rig::among(gateways, Database::sqlite(), |_| ()).await
}

async fn webhook(rig: &Rig, key: &str, to: &str) -> String {
    let create = json!({ "url": format!("https://example.com/{to}"), "events": ["PolicyCreated"] });
    rig.command(key, "CreateWebhook", create).await.ok().id()
}

/// The status, once it is that.
async fn status(rig: &Rig, key: &str, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let status = rig.get(key, &format!("/v1/webhooks/{id}/status")).await.ok().body;
        if is(&status) {
            return status;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{status}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn tries_are_listed_newest_first_and_by_pages() {
    let rig = rig().await;
    let key = rig.account("reef").await.key;
    let id = webhook(&rig, &key, "ok").await;
    let mut positions = Vec::new();
    for _ in 0..3 {
        let tested = rig
            .command(&key, "TestWebhook", json!({ "webhook_id": id }))
            .await
            .ok();
        positions.push(tested.body["position"].clone());
        let count = positions.len();
        status(&rig, &key, &id, |status| {
            status["last_attempt"]["number"] == count
        })
        .await;
    }
    let path = format!("/v1/webhooks/{id}/attempts");
    let first = rig.get(&key, &format!("{path}?limit=2")).await.ok().body;
    let rows = first["data"].as_array().unwrap();
    assert_eq!((&rows[0]["number"], &rows[1]["number"]), (&json!(3), &json!(2)));
    assert_eq!(rows[0]["position"], positions[2]);
    assert_eq!(
        (&rows[0]["status"], &rows[0]["answer"]),
        (&json!(200), &json!("thanks"))
    );
    assert_eq!(
        (&rows[0]["failure"], &rows[0]["event_type"]),
        (&Value::Null, &json!("WebhookTested"))
    );
    let last = rig
        .get(&key, &format!("{path}?after={}", first["next"]))
        .await
        .ok()
        .body;
    assert_eq!(
        (&last["data"][0]["number"], &last["next"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(last["data"].as_array().unwrap().len(), 1);
    let one = rig
        .get(&key, &format!("{path}?position={}", positions[1]))
        .await
        .ok()
        .body;
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
    assert_eq!(one["data"][0]["number"], 2);
    rig.stop().await;
}

#[tokio::test]
async fn a_failing_one_shows_what_waits_and_a_gone_one_why_it_is_off() {
    let rig = rig().await;
    let key = rig.account("reef").await.key;
    let (failing, gone) = (
        webhook(&rig, &key, "failing").await,
        webhook(&rig, &key, "gone").await,
    );
    rig.policy(&key, "rules").await;
    let trouble = status(&rig, &key, &failing, |status| {
        status["waiting"] == 1 && status["last_attempt"].is_object()
    })
    .await;
    assert_eq!(
        (&trouble["status"], &trouble["failures_in_row"]),
        (&json!("enabled"), &json!(1))
    );
    assert!(trouble["next_retry_at"].is_string() && trouble["failing_since"].is_string());
    assert_eq!(
        trouble["last_attempt"]["failure"],
        "no connection: connection refused"
    );
    let off = |status: &Value| status["status"] == "disabled" && status["last_attempt"].is_object();
    let off = status(&rig, &key, &gone, off).await;
    assert_eq!(
        (&off["disabled"], &off["last_attempt"]["status"]),
        (&json!("gone"), &json!(410))
    );
    let told = rig.get(&key, "/v1/events?types=WebhookDisabled").await.ok();
    assert_eq!(told.body[0]["data"]["reason"], "gone");
    rig.stop().await;
}

#[tokio::test]
async fn only_their_owner_and_the_operator_read_them() {
    let rig = rig().await;
    let (account, other) = (rig.account("reef").await, rig.account("other").await);
    let narrow = rig.key(&account.id, &["agents:read"]).await.1;
    let id = webhook(&rig, &account.key, "ok").await;
    for what in ["status", "attempts"] {
        let path = format!("/v1/webhooks/{id}/{what}");
        rig.get(&account.key, &path).await.ok();
        rig.get(OPERATOR, &path).await.ok();
        rig.get(&other.key, &path).await.problem(404, "not_found");
        rig.get(&narrow, &path).await.problem(403, "forbidden");
        for absent in ["wh_none", "%00", "a%20b", &"x".repeat(600)] {
            let path = format!("/v1/webhooks/{absent}/{what}");
            rig.get(&account.key, &path).await.problem(404, "not_found");
        }
        let unknown = format!("{path}?colour=red");
        rig.get(&account.key, &unknown)
            .await
            .problem(400, "invalid_parameter");
    }
    for wrong in [
        "limit=0",
        "limit=501",
        "limit=x",
        "after=-1",
        "position=1.5",
        "after=99999999999999999999",
    ] {
        let path = format!("/v1/webhooks/{id}/attempts?{wrong}");
        rig.get(&account.key, &path)
            .await
            .problem(400, "invalid_parameter");
    }
    rig.stop().await;
}
