//! Deliveries of the real binary, verified by the official libraries of Standard Webhooks (PyPI, npm), by the code that
//! Thermidora's document prints, and read by the CloudEvents SDK.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use reef_commands::webhook::{
    ThermidoraBody, ThermidoraData, ThermidoraSender, WebhookMessage, WebhookSecret, sign,
};
use reef_domain::{RuntimeId, webhook::WebhookForm};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};

use super::{output, script};
use crate::harness::{Account, Database, SHORT, Server, Setup, left_out};

/// A delivery as it arrived, as the peers read it: headers and body.
type Inbox = Arc<Mutex<Vec<(BTreeMap<String, String>, String)>>>;

/// What no escaping may spoil.
const TEXT: &str =
    "Gr\u{fc}\u{df}e \u{1f420} \u{2028}\u{2029}\u{7f}\u{85} \"quoted\" \\ </script> \u{e000}\u{fffd}\u{feff}";

async fn receiver() -> (String, Inbox) {
    let inbox = Inbox::default();
    let app = Router::new().fallback(post(take)).with_state(Arc::clone(&inbox));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}/hook"), inbox)
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) {
    let text = |value: &axum::http::HeaderValue| value.to_str().expect("a text").to_owned();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)));
    let body = String::from_utf8(body.to_vec()).expect("a text");
    inbox.lock().push((headers.collect(), body));
}

/// Waits for that many deliveries.
async fn arrived(inbox: &Inbox, count: usize) -> Vec<(BTreeMap<String, String>, String)> {
    let started = Instant::now();
    while inbox.lock().len() < count {
        assert!(
            started.elapsed() < SHORT,
            "{} of {count} arrived",
            inbox.lock().len()
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    inbox.lock().clone()
}

fn line(secret: &str, (headers, body): &(BTreeMap<String, String>, String)) -> String {
    json!({ "secret": secret, "headers": headers, "body": body }).to_string() + "\n"
}

async fn server() -> Server {
    let allowed = "[127.0.0.0/8]";
    let setup = Setup::on(&Database::sqlite()).with("REEF_WEBHOOK_ALLOWED_CIDRS", allowed);
    setup.with("REEF_WEBHOOK_ALLOW_HTTP", "true").start().await
}

async fn webhook(account: &Account, body: Value) -> (String, String) {
    let made = account.client.command("CreateWebhook", body).await.ok();
    let secret = made.body["result"]["secret"].as_str().expect("it is shown once");
    (made.id(), secret.to_owned())
}

async fn node(modules: &str, input: &str) -> Vec<String> {
    let mut command = Command::new("node");
    command
        .arg(script("verify_webhook.mjs"))
        .env("REEF_TEST_NODE_MODULES", modules);
    output(command, input).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_deliveries_are_standard_webhooks_and_cloud_events() {
    let (Ok(python), Ok(modules)) = (
        std::env::var("REEF_TEST_PYTHON"),
        std::env::var("REEF_TEST_NODE_MODULES"),
    ) else {
        let what = "native deliveries verified by `standardwebhooks` (PyPI, npm)";
        return left_out(what, "REEF_TEST_PYTHON or REEF_TEST_NODE_MODULES is not set");
    };
    let server = server().await;
    let account = Account::make(&server, "aquarium").await;
    let (url, inbox) = receiver().await;
    let (id, first) = webhook(&account, json!({ "url": url, "events": ["PolicyCreated"] })).await;
    account
        .policy("Gr\u{fc}\u{df}e \u{1f420} \u{2028} \"x\" \\", "ALLOW: swim")
        .await;
    arrived(&inbox, 1).await;
    let rotate = json!({ "webhook_id": id });
    let rotated = account
        .client
        .command("RotateWebhookSecret", rotate.clone())
        .await
        .ok();
    let second = rotated.body["result"]["secret"]
        .as_str()
        .expect("shown once")
        .to_owned();
    account.client.command("TestWebhook", rotate).await.ok();
    let got = arrived(&inbox, 2).await;
    // One secret, then two: whoever has either can verify.
    let input = line(&first, &got[0]) + &line(&first, &got[1]) + &line(&second, &got[1]);
    let events: Vec<Value> = got
        .iter()
        .map(|(_, body)| serde_json::from_str(body).expect("JSON"))
        .collect();
    let read = |event: &Value| {
        format!(
            "{} {}",
            event["id"].as_str().unwrap_or(""),
            event["type"].as_str().unwrap_or("")
        )
    };
    let mut command = Command::new(python);
    command.arg(script("verify_webhook.py"));
    let expected = [read(&events[0]), read(&events[1]), read(&events[1])];
    assert_eq!(output(command, &input).await, expected);
    assert_eq!(node(&modules, &input).await, ["standard"; 3]);
    assert!(expected[0].ends_with("PolicyCreated") && expected[1].ends_with("WebhookTested"));
    // Exactly as the feed shows it.
    let feed = account.client.get("/v1/events?types=PolicyCreated").await.ok();
    assert_eq!(feed.text, format!("[{}]", got[0].1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thermidoras_deliveries_are_verified_by_the_documented_code() {
    let Ok(modules) = std::env::var("REEF_TEST_NODE_MODULES") else {
        let what = "deliveries verified by the code of Thermidora's document";
        return left_out(what, "REEF_TEST_NODE_MODULES is not set");
    };
    let server = server().await;
    let account = Account::make(&server, "aquarium").await;
    let (url, inbox) = receiver().await;
    let body = json!({ "url": url, "events": ["*"], "form": "thermidora" });
    let (id, secret) = webhook(&account, body).await;
    account
        .client
        .command("TestWebhook", json!({ "webhook_id": id }))
        .await
        .ok();
    let got = arrived(&inbox, 1).await;
    assert_eq!(got[0].0["x-thermidora-event"], "test");
    assert_eq!(got[0].0["x-thermidora-webhook-id"], id);
    assert!(!got[0].0["x-thermidora-signature"].contains('='));
    assert_eq!(
        node(&modules, &line(&secret, &got[0])).await,
        ["standard thermidora"]
    );
}

/// Every character there is, through the functions that the server makes deliveries with.
#[tokio::test]
async fn no_text_breaks_the_documented_code() {
    let Ok(modules) = std::env::var("REEF_TEST_NODE_MODULES") else {
        let what = "texts verified by the code of Thermidora's document";
        return left_out(what, "REEF_TEST_NODE_MODULES is not set");
    };
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let secrets = [WebhookSecret::parse(secret).expect("a secret")];
    let all: Vec<char> = (0..=0x0010_ffff).filter_map(char::from_u32).collect();
    let mut texts: Vec<String> = all.chunks(40_000).map(String::from_iter).collect();
    texts.extend([TEXT.to_owned(), String::new()]);
    let runtime = RuntimeId::from("inst_a1b2c3d4e5f6");
    let now: DateTime<Utc> = Utc::now();
    let mut input = String::new();
    for text in &texts {
        let sender = ThermidoraSender {
            kind: "agent",
            id: "my-agent",
            name: text,
        };
        for data in [
            ThermidoraData::CronCompleted {
                content: text,
                job_name: text,
            },
            ThermidoraData::AgentMessage {
                message_id: "msg_1",
                content: text,
                sender,
            },
            ThermidoraData::AgentError { message: text },
        ] {
            let body = ThermidoraBody {
                instance_id: Some(&runtime),
                agent_slug: Some("my-agent"),
                data,
                at: now,
            };
            let message = WebhookMessage {
                id: "dlv_wh_1_7".to_owned(),
                event: body.data.event().to_owned(),
                body: body.to_json(),
            };
            let headers = sign(WebhookForm::Thermidora, &"wh_1".into(), &message, &secrets, now);
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value));
            input += &line(secret, &(headers.collect(), message.body));
        }
    }
    assert_eq!(
        node(&modules, &input).await,
        vec!["standard thermidora"; texts.len() * 3]
    );
}
