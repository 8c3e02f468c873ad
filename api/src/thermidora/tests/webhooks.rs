//! Webhooks, as they are kept and shown.

use std::sync::Arc;

use async_trait::async_trait;
use reef_commands::{
    Gateways,
    ports::{WebhookAnswer, WebhookFailure, WebhookPost, WebhookSender},
};
use serde_json::{Value, json};

use super::{
    client::{Thermidora, each, server_among},
    covers, on_both_databases,
};
use crate::rig::{Database, OPERATOR, Rig};

on_both_databases!(
    a_webhook_is_made_with_its_secret,
    what_is_no_subscription_is_refused,
    one_instance_or_one_agent,
    secrets_are_masked_in_lists_and_whole_in_one,
    it_is_turned_off_and_on,
    a_deleted_one_is_gone,
    a_test_is_dispatched_whatever_it_is_subscribed_to,
    others_and_other_forms_are_unknown
);

const URL: &str = "https://example.com/webhook";

fn subscription(events: &[&str]) -> Value {
    json!({ "url": URL, "events": events })
}

async fn created(ada: &Thermidora<'_>, body: Value) -> Value {
    ada.ok("create-webhook", &[], Some(body)).await
}

fn id(webhook: &Value) -> &str {
    webhook["webhookId"].as_str().unwrap()
}

async fn a_webhook_is_made_with_its_secret(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    covers(&["thermidora.create-webhook.1", "thermidora.create-webhook.3"]);
    let body = json!({
        "url": URL,
        "events": ["cron.completed", "agent.message", "agent.error", "*"],
        "description": " The pager ",
        "more": "is ignored",
    });
    let made = created(&ada, body).await;
    assert!(id(&made).starts_with("wh_"));
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
    assert_eq!((&made["url"], &made["enabled"]), (&json!(URL), &json!(true)));
    assert_eq!(
        made["events"],
        json!(["cron.completed", "agent.message", "agent.error", "*"])
    );
    assert_eq!(made["description"], "The pager");
    assert_eq!(
        (&made["instanceId"], &made["agentId"]),
        (&Value::Null, &Value::Null)
    );
    let other = created(&ada, subscription(&["*"])).await;
    assert_ne!(other["secret"], made["secret"]);
}

async fn what_is_no_subscription_is_refused(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    covers(&["thermidora.create-webhook.2", "thermidora.create-webhook.3"]);
    let with = |field: &str, value: Value| {
        let mut body = subscription(&["*"]);
        body[field] = value;
        body
    };
    for body in [
        json!({}),
        json!({ "url": URL }),
        json!({ "events": ["*"] }),
        with("url", json!("http://example.com/webhook")),
        with("url", json!("ftp://example.com/")),
        with("url", json!("example.com")),
        with("url", json!("https://user:pass@example.com/")),
        with("url", json!("")),
        with("url", json!(null)),
        with("url", json!(5)),
        with("url", json!(format!("https://example.com/{}", "x".repeat(3000)))),
        with("events", json!([])),
        with("events", json!(null)),
        with("events", json!("*")),
        with("events", json!(["agent.started"])),
        with("events", json!(["AgentMessageSent"])),
        with("events", json!(["cron.completed", 7])),
        with("description", json!("x".repeat(501))),
        with("description", json!("\u{0}")),
        with("instanceId", json!(7)),
    ] {
        ada.fails("create-webhook", &[], Some(body), 400).await;
    }
    let none = ada.ok("list-webhooks", &[], None).await;
    assert_eq!(none, json!({ "webhooks": [] }));
}

/// An instance of the account and an agent on it.
async fn instance(ada: &Thermidora<'_>) -> String {
    let key = ada.rig.key(&ada.account, &["*"]).await.1;
    let named = json!({ "runtime_id": "inst_0a1b2c3d4e5f" });
    ada.rig.command(&key, "ProvisionRuntime", named).await.ok().id()
}

async fn one_instance_or_one_agent(rig: &Rig) {
    let (ada, bob) = (
        Thermidora::account(rig, "ada").await,
        Thermidora::account(rig, "bob").await,
    );
    covers(&["thermidora.create-webhook.4"]);
    let instance = instance(&ada).await;
    let with = |field: &str, value: Value| {
        let mut body = subscription(&["*"]);
        body[field] = value;
        Some(body)
    };
    let of_one = created(&ada, with("instanceId", json!(instance)).unwrap()).await;
    assert_eq!(of_one["instanceId"], instance);
    assert_eq!(of_one["agentId"], Value::Null);
    let of_all = created(&ada, with("instanceId", Value::Null).unwrap()).await;
    assert_eq!(of_all["instanceId"], Value::Null);
    let theirs = bob
        .fails("create-webhook", &[], with("instanceId", json!(instance)), 404)
        .await;
    assert_eq!(theirs, "Instance not found");
    for absent in ["inst_000000000000", "no id at all", ""] {
        ada.fails("create-webhook", &[], with("instanceId", json!(absent)), 404)
            .await;
        ada.fails("create-webhook", &[], with("agentId", json!(absent)), 404)
            .await;
    }
}

async fn secrets_are_masked_in_lists_and_whole_in_one(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    let first = created(&ada, subscription(&["cron.completed"])).await;
    let second = created(&ada, subscription(&["*"])).await;
    let secret = first["secret"].as_str().unwrap();

    covers(&["thermidora.list-webhooks.1", "thermidora.list-webhooks.2"]);
    let listed = ada.call("list-webhooks", &[], None).await;
    assert!(!listed.text.contains(secret));
    assert_eq!(
        each(&listed.body["webhooks"], "webhookId"),
        [id(&second), id(&first)]
    );
    let row = &listed.body["webhooks"][1];
    assert_eq!(
        row["secret"],
        format!("whsec_****{}", &secret[secret.len() - 4..])
    );

    covers(&["thermidora.get-webhook.1", "thermidora.get-webhook.2"]);
    for _ in 0..2 {
        let one = ada.ok("get-webhook", &[id(&first)], None).await;
        assert_eq!(one, first, "the same as when it was made, at any time");
    }
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(
        !log.text.contains(secret),
        "the vault has it, and the log not even a hash"
    );
    let view = rig.get(OPERATOR, "/v1/views/webhooks").await.ok();
    assert!(!view.text.contains(secret) && view.text.contains(id(&first)));
}

async fn it_is_turned_off_and_on(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    let made = created(&ada, subscription(&["*"])).await;
    let set = async |enabled: bool| {
        let body = json!({ "enabled": enabled });
        ada.ok("update-webhook", &[id(&made)], Some(body)).await
    };
    covers(&["thermidora.update-webhook.1", "thermidora.update-webhook.3"]);
    for enabled in [true, false, false, true] {
        let row = set(enabled).await;
        assert_eq!(row["enabled"], enabled);
        let listed = ada.ok("list-webhooks", &[], None).await;
        assert_eq!(listed["webhooks"][0], row, "the row of the list");
    }
    assert_eq!(
        ada.events("webhook", id(&made)).await,
        ["WebhookCreated", "WebhookDisabled", "WebhookEnabled"],
        "what changes nothing is no event"
    );
    for body in [
        json!({}),
        json!({ "enabled": null }),
        json!({ "enabled": "false" }),
        json!({ "enabled": 0 }),
    ] {
        ada.fails("update-webhook", &[id(&made)], Some(body), 400).await;
    }
}

async fn a_deleted_one_is_gone(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    covers(&["thermidora.delete-webhook.1"]);
    let made = created(&ada, subscription(&["*"])).await;
    let gone = ada.ok("delete-webhook", &[id(&made)], None).await;
    assert_eq!(gone, json!({ "webhookId": id(&made), "deleted": true }));
    for (endpoint, body) in [
        ("delete-webhook", None),
        ("get-webhook", None),
        ("update-webhook", Some(json!({ "enabled": true }))),
        ("test-webhook", None),
    ] {
        let message = ada.fails(endpoint, &[id(&made)], body, 404).await;
        assert_eq!(message, "Webhook not found", "{endpoint}");
    }
    assert_eq!(
        ada.ok("list-webhooks", &[], None).await,
        json!({ "webhooks": [] })
    );
}

async fn a_test_is_dispatched_whatever_it_is_subscribed_to(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    covers(&["thermidora.test-webhook.3", "thermidora.test-webhook.4"]);
    let made = created(&ada, subscription(&["cron.completed"])).await;
    let off = json!({ "enabled": false });
    ada.ok("update-webhook", &[id(&made)], Some(off)).await;
    let answer = ada.ok("test-webhook", &[id(&made)], None).await;
    assert_eq!(answer, json!({ "message": "Test event dispatched" }));
    // Nothing sends anything in this server: the answer did not wait for it.
    assert_eq!(
        ada.events("webhook", id(&made)).await,
        ["WebhookCreated", "WebhookDisabled", "WebhookTested"]
    );
}

async fn others_and_other_forms_are_unknown(rig: &Rig) {
    covers(&["thermidora.x.3"]);
    let (ada, bob) = (
        Thermidora::poor_account(rig, "ada").await,
        Thermidora::poor_account(rig, "bob").await,
    );
    let theirs = created(&bob, subscription(&["*"])).await;
    let native = json!({ "url": URL, "events": ["*"] });
    let key = rig.key(&ada.account, &["*"]).await.1;
    let native = rig.command(&key, "CreateWebhook", native).await.ok().id();
    for absent in [id(&theirs), &native, "wh_absent00", "a%20b"] {
        for (endpoint, body) in [
            ("get-webhook", None),
            ("update-webhook", Some(json!({ "enabled": false }))),
            ("test-webhook", None),
            ("delete-webhook", None),
        ] {
            ada.fails(endpoint, &[absent], body, 404).await;
        }
    }
    assert_eq!(
        ada.ok("list-webhooks", &[], None).await,
        json!({ "webhooks": [] })
    );
    assert_eq!(bob.ok("get-webhook", &[id(&theirs)], None).await, theirs);
}

/// Says of every URL that it leads inside.
struct Inside;

#[async_trait]
impl WebhookSender for Inside {
    async fn post(&self, _: WebhookPost) -> Result<WebhookAnswer, WebhookFailure> {
        Err(WebhookFailure::Timeout)
    }

    async fn check(&self, _: &str) -> Result<(), WebhookFailure> {
        Err(WebhookFailure::Refused("the address is not public".to_owned()))
    }
}

/// Which URLs those are is proved where they are judged: `gateways/src/webhook/tests/hostile.rs`.
#[tokio::test]
async fn urls_that_lead_inside_are_refused() {
    covers(&["thermidora.create-webhook.7"]);
    let gateways = Gateways {
        webhooks: Some(Arc::new(Inside)),
        ..Gateways::default()
    };
    let rig = server_among(gateways, Database::sqlite(), |_| ()).await;
    let ada = Thermidora::poor_account(&rig, "ada").await;
    let message = ada
        .fails("create-webhook", &[], Some(subscription(&["*"])), 400)
        .await;
    assert!(message.contains("the address is not public"), "{message}");
    rig.stop().await;
}
