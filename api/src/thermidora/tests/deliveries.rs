//! What webhooks deliver.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use reef_commands::{
    Gateways,
    activity::Did,
    ports::{WebhookAnswer, WebhookFailure, WebhookPost, WebhookSender},
};
use reef_domain::RuntimeId;
use ring::hmac;
use serde_json::{Value, json};

use super::{
    client::{Thermidora, server_among},
    covers,
    events::{agent, cron, did, instance},
};
use crate::{
    ApiConfig,
    rig::{Database, OPERATOR, Rig},
};

crate::rig::on_both_databases!(crate::thermidora::tests::deliveries::delivering:
    activity_is_delivered_signed_to_whoever_wants_it,
    replies_and_failures_are_delivered,
    a_test_arrives_also_at_a_disabled_one,
    what_happens_while_it_is_off_is_not_sent_later,
    a_failing_receiver_is_tried_again_and_holds_nobody_up,
);

/// What was sent, by URL: every account has URLs of its own.
static SENT: LazyLock<Mutex<BTreeMap<String, Vec<WebhookPost>>>> = LazyLock::new(Mutex::default);

/// `.../ok` takes it, `.../failing` answers 500, `.../silent` nothing.
struct Receivers;

#[async_trait]
impl WebhookSender for Receivers {
    async fn post(&self, post: WebhookPost) -> Result<WebhookAnswer, WebhookFailure> {
        let url = post.url.to_string();
        let (limit, status) = (post.time_limit, if url.ends_with("/failing") { 500 } else { 200 });
        SENT.lock().entry(url.clone()).or_default().push(post);
        if url.ends_with("/silent") {
            tokio::time::sleep(limit).await;
            return Err(WebhookFailure::Timeout);
        }
        Ok(WebhookAnswer {
            status,
            retry_after: None,
            body: String::new(),
            took: Duration::ZERO,
        })
    }

    async fn check(&self, _: &str) -> Result<(), WebhookFailure> {
        Ok(())
    }
}

async fn delivering(database: Database, change: impl FnOnce(&mut ApiConfig)) -> Rig {
    let gateways = Gateways {
        webhooks: Some(Arc::new(Receivers)),
        ..Gateways::default()
    };
    server_among(gateways, database, change).await
}

fn url(ada: &Thermidora<'_>, to: &str) -> String {
    format!("https://receiver.example/{}/{to}", ada.account)
}

/// A webhook of that account's receiver.
async fn webhook(ada: &Thermidora<'_>, to: &str, events: &[&str], scope: Value) -> Value {
    let mut body = json!({ "url": url(ada, to), "events": events });
    body.as_object_mut()
        .unwrap()
        .extend(scope.as_object().unwrap().clone());
    ada.ok("create-webhook", &[], Some(body)).await
}

/// What arrived there, once it is that many.
async fn arrived(ada: &Thermidora<'_>, to: &str, count: usize) -> Vec<WebhookPost> {
    let started = Instant::now();
    loop {
        let got = SENT.lock().get(&url(ada, to)).cloned().unwrap_or_default();
        if got.len() >= count {
            return got;
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{to}: {} of {count}",
            got.len()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn header<'a>(post: &'a WebhookPost, name: &str) -> &'a str {
    let found = post.headers.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, value)| value)
}

/// The delivery's event and body, if its three headers are right.
fn verified(post: &WebhookPost, webhook: &Value) -> (String, Value) {
    let secret = webhook["secret"].as_str().unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hex::encode(hmac::sign(&key, post.body.as_bytes()));
    assert_eq!(header(post, "x-thermidora-signature"), signature);
    assert_eq!(
        header(post, "x-thermidora-webhook-id"),
        webhook["webhookId"].as_str().unwrap()
    );
    let body: Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!(
        header(post, "x-thermidora-event"),
        body["eventType"].as_str().unwrap()
    );
    (body["eventType"].as_str().unwrap().to_owned(), body)
}

/// An instance of another user of the account: each has one.
async fn another_instance(ada: &Thermidora<'_>) -> RuntimeId {
    let add = json!({ "account_id": ada.account, "role": "member" });
    let user = ada.rig.command(OPERATOR, "AddUser", add).await.ok();
    let provision = json!({ "account_id": ada.account, "user_id": user.body["result"]["user_id"] });
    ada.rig
        .command(OPERATOR, "ProvisionRuntime", provision)
        .await
        .ok()
        .id()
        .into()
}

async fn activity_is_delivered_signed_to_whoever_wants_it(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&[
        "thermidora.x.6",
        "thermidora.x.7",
        "thermidora.create-webhook.4",
        "thermidora.create-webhook.5",
        "thermidora.create-webhook.6",
    ]);
    let (here, there) = (instance(&ada).await, another_instance(&ada).await);
    let (one, other) = (agent(&ada, &here, "one").await, agent(&ada, &there, "two").await);
    let all = webhook(&ada, "all/ok", &["*"], json!({})).await;
    let jobs = webhook(
        &ada,
        "jobs/ok",
        &["cron.completed"],
        json!({ "instanceId": here }),
    )
    .await;
    let of_other = webhook(&ada, "other/ok", &["*"], json!({ "agentId": other })).await;
    let text = "Gr\u{fc}\u{df}e \u{1f980} \u{2028} \"69,327\" \\";
    did(rig, (&here, &one), "1", cron(), text).await;
    did(rig, (&there, &other), "2", cron(), "from there").await;
    did(
        rig,
        (&here, &one),
        "3",
        Did::SentMessage { in_reply_to: None },
        "hello",
    )
    .await;
    let failed = Did::ReportedError {
        code: "broken".to_owned(),
        job_name: None,
    };
    did(rig, (&here, &one), "4", failed, "no model").await;

    let got = arrived(&ada, "all/ok", 4).await;
    let mut told: Vec<_> = got.iter().map(|post| verified(post, &all)).collect();
    told.sort_by(|one, other| one.1["timestamp"].as_str().cmp(&other.1["timestamp"].as_str()));
    let mut names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["agent.error", "agent.message", "cron.completed", "cron.completed"]
    );
    let of = |name: &str| told.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!(of("agent.error")["data"], json!({ "message": "no model" }));
    let message = of("agent.message");
    assert_eq!(message["data"]["content"], "hello");
    assert_eq!(
        message["data"]["sender"],
        json!({ "type": "agent", "id": "one", "name": "The one" })
    );
    assert_eq!(
        (&message["instanceId"], &message["agentSlug"]),
        (&json!(here), &json!("one"))
    );

    let got = arrived(&ada, "jobs/ok", 1).await;
    let (name, body) = verified(&got[0], &jobs);
    assert_eq!(
        (name.as_str(), &body["data"]["content"]),
        ("cron.completed", &json!(text))
    );
    assert!(
        got[0].body.contains("Gr\u{fc}\u{df}e \u{1f980} \u{2028}"),
        "not escaped"
    );
    let got = arrived(&ada, "other/ok", 1).await;
    assert_eq!(verified(&got[0], &of_other).1["data"]["content"], "from there");
    assert_eq!(arrived(&ada, "jobs/ok", 1).await.len(), 1);
}

async fn replies_and_failures_are_delivered(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&["thermidora.send-message.6", "thermidora.send-message.7"]);
    let here = super::instances::instance(&ada, "my-agents").await;
    let bot = super::agents::agent(&ada, &here, "support-bot").await;
    let hook = webhook(&ada, "said/ok", &["agent.message", "agent.error"], json!({})).await;
    let body = || Some(json!({ "message": "Hello" }));
    let reply = ada.ok("send-message", &[&here, &bot], body()).await;
    // The instance's files are lost behind the server's back.
    let holder = here.as_str().into();
    rig.bus.services().workspace.purge(&holder).await.unwrap();
    ada.fails("send-message", &[&here, &bot], body(), 500).await;

    let got = arrived(&ada, "said/ok", 2).await;
    let told: BTreeMap<String, Value> = got.iter().map(|post| verified(post, &hook)).collect();
    assert_eq!(told["agent.message"]["data"]["content"], reply["content"]);
    assert_eq!(told["agent.message"]["data"]["messageId"], reply["messageId"]);
    assert_eq!(told["agent.error"]["agentSlug"], "support-bot");
    let events = ada.ok("list-events", &[&here], None).await;
    let listed: Vec<&Value> = events["events"].as_array().unwrap().iter().collect();
    assert_eq!(events["total"], 2);
    assert_eq!(listed[1]["content"], reply["content"]);
    assert!(listed.iter().all(|event| event["source"] == "agent"), "{events}");
}

async fn a_test_arrives_also_at_a_disabled_one(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&[
        "thermidora.test-webhook.1",
        "thermidora.test-webhook.2",
        "thermidora.test-webhook.3",
    ]);
    let made = webhook(&ada, "ok", &["cron.completed"], json!({})).await;
    let id = made["webhookId"].as_str().unwrap();
    ada.ok("update-webhook", &[id], Some(json!({ "enabled": false })))
        .await;
    ada.ok("test-webhook", &[id], None).await;
    let got = arrived(&ada, "ok", 1).await;
    assert_eq!(verified(&got[0], &made).0, "test");
}

async fn what_happens_while_it_is_off_is_not_sent_later(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&["thermidora.update-webhook.2"]);
    let here = instance(&ada).await;
    let one = agent(&ada, &here, "one").await;
    let made = webhook(&ada, "ok", &["*"], json!({})).await;
    let id = made["webhookId"].as_str().unwrap();
    for (report, enabled) in [("before", true), ("meanwhile", false), ("after", true)] {
        ada.ok("update-webhook", &[id], Some(json!({ "enabled": enabled })))
            .await;
        did(rig, (&here, &one), report, cron(), report).await;
        if report == "before" {
            arrived(&ada, "ok", 1).await;
        }
    }
    // The test is sent after all before it.
    ada.ok("test-webhook", &[id], None).await;
    let got = arrived(&ada, "ok", 3).await;
    let mut told: Vec<_> = got
        .iter()
        .map(|post| verified(post, &made).1["data"].clone())
        .collect();
    told.retain(|data| data["content"].is_string());
    assert_eq!(
        told.iter().map(|data| &data["content"]).collect::<Vec<_>>(),
        ["before", "after"]
    );
}

async fn a_failing_receiver_is_tried_again_and_holds_nobody_up(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&["thermidora.x.8", "thermidora.delete-webhook.2"]);
    let here = instance(&ada).await;
    let one = agent(&ada, &here, "one").await;
    let failing = webhook(&ada, "failing", &["*"], json!({})).await;
    webhook(&ada, "silent", &["*"], json!({})).await;
    webhook(&ada, "ok", &["*"], json!({})).await;
    did(rig, (&here, &one), "1", cron(), "told").await;
    arrived(&ada, "ok", 1).await;
    arrived(&ada, "failing", 1).await;
    let id = failing["webhookId"].as_str().unwrap();
    let status = format!("/v1/webhooks/{id}/status");
    let started = Instant::now();
    loop {
        let status = rig.get(OPERATOR, &status).await.ok().body;
        if status["waiting"] == 1 {
            assert!(status["next_retry_at"].is_string());
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{status}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ada.ok("delete-webhook", &[id], None).await;
    rig.get(OPERATOR, &status).await.problem(404, "not_found");
    did(rig, (&here, &one), "2", cron(), "told too").await;
    arrived(&ada, "ok", 2).await;
    assert_eq!(
        arrived(&ada, "failing", 1).await.len(),
        1,
        "nothing more goes there"
    );
}
