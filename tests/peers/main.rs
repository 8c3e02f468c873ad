//! Our feed and our streamed replies, read by programs of other people: an SSE client from npm and the CloudEvents SDK from PyPI; and
//! our log, read by stock `postgres-es`; runtimes on EC2 as moto simulates it; and the documents of our
//! dialects, tried out by schemathesis; deliveries of webhooks, verified by the libraries of their receivers;
//! payments, judged by Stripe's own library.
//! `cargo xtask test` installs them and names them in the environment.

mod ec2;
#[path = "../harness/harness.rs"]
mod harness;
mod openai;
mod schemathesis;
mod stock_store;
mod stripe;
#[path = "../../gateways/src/stripe/tests/server.rs"]
mod stripe_wire;
mod webhooks;

use std::{path::Path, process::Stdio};

use harness::{Account, Client, Database, SHORT, Server, event_type, left_out};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// A program of `tests/peers`.
fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/peers")
        .join(name)
        .display()
        .to_string()
}

/// Id and type of each event, as the peers print them.
fn lines(events: &[serde_json::Value], id: &str) -> Vec<String> {
    let id = |event: &serde_json::Value| match &event[id] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    events
        .iter()
        .map(|event| format!("{} {}", id(event), event_type(event)))
        .collect()
}

async fn output(mut command: Command, input: &str) -> Vec<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the peer starts");
    let mut stdin = child.stdin.take().expect("its input is piped");
    stdin.write_all(input.as_bytes()).await.expect("the peer reads");
    drop(stdin);
    let output = tokio::time::timeout(SHORT, child.wait_with_output())
        .await
        .expect("the peer ends");
    let output = output.expect("the peer can be waited for");
    assert!(output.status.success(), "the peer failed: {}", output.status);
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(ToOwned::to_owned)
        .collect()
}

/// The `eventsource` package follows `count` events after `last`.
async fn follow(modules: &str, client: &Client, count: usize, last: Option<&str>) -> Vec<String> {
    let types: std::collections::BTreeSet<String> = client
        .events(0)
        .await
        .iter()
        .map(|event| event_type(event).to_owned())
        .collect();
    let mut command = Command::new("node");
    command
        .arg(script("follow.mjs"))
        .args([
            &format!("{}/v1/events/stream?after=0", client.base()),
            client.key(),
            &count.to_string(),
        ])
        .args(last)
        .env("REEF_TEST_NODE_MODULES", modules)
        .env(
            "REEF_EVENT_TYPES",
            types.into_iter().collect::<Vec<_>>().join(","),
        );
    output(command, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_eventsource_package_follows_and_resumes() {
    let Ok(modules) = std::env::var("REEF_TEST_NODE_MODULES") else {
        return left_out(
            "the feed read by `eventsource` (npm)",
            "REEF_TEST_NODE_MODULES is not set",
        );
    };
    let server = Server::start(&Database::sqlite()).await;
    let account = Account::make(&server, "aquarium").await;
    account.running_agent("Clownfish 🐠", None).await;
    let events = server.operator().events(0).await;
    let expected = lines(&events, "position");
    assert_eq!(
        follow(&modules, &server.operator(), events.len(), None).await,
        expected
    );
    let resumed = follow(&modules, &server.operator(), events.len() - 3, Some("3")).await;
    assert_eq!(resumed, expected[3..], "Last-Event-ID wins over ?after=");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cloudevents_sdk_reads_a_batch() {
    let Ok(python) = std::env::var("REEF_TEST_PYTHON") else {
        return left_out(
            "the feed read by the CloudEvents SDK (PyPI)",
            "REEF_TEST_PYTHON is not set",
        );
    };
    let server = Server::start(&Database::sqlite()).await;
    let account = Account::make(&server, "aquarium").await;
    account.running_agent("Clownfish 🐠", None).await;
    let batch = server.operator().get("/v1/events?limit=500").await.ok();
    let mut command = Command::new(python);
    command.arg(script("read_batch.py"));
    let read = output(command, &batch.text).await;
    assert_eq!(read, lines(batch.body.as_array().expect("a batch"), "id"));
}
