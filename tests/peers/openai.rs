//! Thermidora's streamed replies, read by the official `openai` packages of PyPI and npm. Its path is not theirs, so
//! their own low-level request is used; decoders, types and errors are the packages'.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    harness::{Account, Client, Database, LONG, ModelServer, Server, Setup, left_out, wait_until},
    output, script,
};

/// Where Thermidora's paths begin.
const BASE: &str = "/thermidora/v1";

/// A server whose model says this, and an agent of an account on it: the account's client, and where its messages are.
async fn agent(model: &ModelServer) -> (Server, Client, String) {
    let server = Setup::on(&Database::sqlite())
        .with("REEF_MODEL_PROVIDER", "openai")
        .with("REEF_MODEL_BASE_URL", model.base())
        .with("REEF_MODEL_API_KEY", "key-of-the-model")
        .with("REEF_MODEL", "peer-model")
        .start()
        .await;
    let client = Account::of(&server.operator(), "thermidora", "peer").await.client;
    let made = post(&client, "/instances", json!({ "name": "my-agents" })).await;
    let instance = format!("/instances/{}", text(&made, "instanceId"));
    wait_until("the instance runs", LONG, async || {
        let shown = client.get(&format!("{BASE}{instance}")).await.ok().body;
        (shown["status"] == "running").then_some(())
    })
    .await;
    let new = json!({ "name": "bot", "slug": "support-bot", "displayName": "Support Bot" });
    let made = post(&client, &format!("{instance}/agents"), new).await;
    let messages = format!("{instance}/agents/{}/messages", text(&made, "agentId"));
    (server, client, messages)
}

async fn post(client: &Client, path: &str, body: Value) -> Value {
    let request = client.request(Method::POST, &format!("{BASE}{path}")).json(&body);
    client.send(request).await.expect("an answer").ok().body
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {value}"))
}

/// What the package made of the reply to that message.
async fn read(mut package: Command, client: &Client, messages: &str, message: &str) -> Value {
    let base = format!("{}{BASE}", client.base());
    package.args([&base, client.key(), messages, message]);
    let printed = output(package, "").await;
    serde_json::from_str(&printed.concat()).expect("the peer prints JSON")
}

async fn reads_replies(package: impl Fn() -> Command) {
    let model = ModelServer::answering(&["Fish ", "sleep ", "with their eyes open. 🐠"]).await;
    let (_server, client, messages) = agent(&model).await;
    let seen = read(package(), &client, &messages, "Do fish sleep?").await;
    let kept = client.get(&format!("{BASE}{messages}")).await.ok().body;
    let reply = &kept["messages"][1];
    assert_eq!(reply["content"], "Fish sleep with their eyes open. 🐠");
    assert_eq!(seen["text"], reply["content"]);
    assert_eq!(seen["error"], Value::Null);
    assert_eq!(
        (&seen["roles"], &seen["finish"]),
        (&json!(["assistant"]), &json!(["stop"]))
    );
    let ids = seen["ids"].as_array().expect("a list");
    assert!(ids.len() >= 5, "it comes in pieces: {seen}");
    let id = format!("chatcmpl-{}", text(reply, "messageId"));
    assert!(ids.iter().all(|seen| *seen == id), "{seen}");
    let models = seen["models"].as_array().expect("a list");
    assert!(
        models.iter().all(|model| model == "moonshotai.kimi-k2.5"),
        "{seen}"
    );

    let broken = read(package(), &client, &messages, "!break in the middle").await;
    assert_eq!(
        (&broken["text"], &broken["finish"]),
        (&json!("Fish "), &json!([]))
    );
    assert_eq!(broken["error"]["kind"], "APIError", "{broken}");
    assert!(
        text(&broken["error"], "message").contains("did not reply"),
        "{broken}"
    );
    let nobody = read(
        package(),
        &client,
        "/instances/inst_0/agents/agt_0/messages",
        "Hello",
    )
    .await;
    assert_eq!(nobody["error"]["kind"], "NotFoundError", "{nobody}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_package_reads_replies() {
    let Ok(python) = std::env::var("REEF_TEST_PYTHON") else {
        return left_out("replies read by `openai` (PyPI)", "REEF_TEST_PYTHON is not set");
    };
    reads_replies(|| {
        let mut command = Command::new(&python);
        command.arg(script("read_chat.py"));
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_package_reads_replies() {
    let Ok(modules) = std::env::var("REEF_TEST_NODE_MODULES") else {
        return left_out(
            "replies read by `openai` (npm)",
            "REEF_TEST_NODE_MODULES is not set",
        );
    };
    reads_replies(|| {
        let mut command = Command::new("node");
        command
            .arg(script("read_chat.mjs"))
            .env("REEF_TEST_NODE_MODULES", &modules);
        command
    })
    .await;
}
