//! An event feed client sees every event in order, and resumes where it was after a restart.

use serde_json::{Value, json};

use crate::harness::{Account, Database, Heard, Log, Server, on_both_databases};

on_both_databases!(
    every_event_comes_in_order_over_restarts,
    an_account_hears_its_own_events_only,
    a_long_poll_wakes_up,
);

async fn every_event_comes_in_order_over_restarts(database: Database) {
    let mut server = Server::start(&database).await;
    let operator = server.operator();
    let mut feed = operator.follow(0).await;
    let account = Account::make(&server, "aquarium").await;
    account.running_agent("Clownfish", None).await;
    let position = account
        .client
        .command("CreatePolicy", policy("one"))
        .await
        .ok()
        .position();
    let mut heard = feed.up_to(position).await;

    // A drained server ends the stream by itself; the client comes back with what it heard last.
    assert!(server.terminate().await.success(), "SIGTERM ends in exit code 0");
    heard.extend(feed.until_the_end().await);
    server.start_again().await;
    let mut feed = operator
        .follow_again(&heard.last().expect("something was heard").id)
        .await;
    let position = account
        .client
        .command("CreatePolicy", policy("two"))
        .await
        .ok()
        .position();
    heard.extend(feed.up_to(position).await);

    server.kill();
    heard.extend(feed.until_the_end().await);
    server.start_again().await;
    let mut feed = operator
        .follow_again(&heard.last().expect("something was heard").id)
        .await;
    let position = account
        .client
        .command("CreatePolicy", policy("three"))
        .await
        .ok()
        .position();
    heard.extend(feed.up_to(position).await);

    let log = Log::read(&operator).await;
    assert!(heard.len() as u64 >= position);
    assert_same(&heard, &log.0[..heard.len()]);
}

async fn an_account_hears_its_own_events_only(database: Database) {
    let server = Server::start(&database).await;
    let mine = Account::make(&server, "mine").await;
    let theirs = Account::make(&server, "theirs").await;
    let mut feed = mine.client.follow(0).await;
    theirs
        .client
        .command("CreatePolicy", policy("not to be heard"))
        .await
        .ok();
    let position = mine
        .client
        .command("CreatePolicy", policy("to be heard"))
        .await
        .ok()
        .position();
    let heard = feed.up_to(position).await;
    let log = Log::read(&server.operator()).await;
    let own: Vec<Value> = log
        .0
        .into_iter()
        .filter(|event| event["accountid"] == mine.id.as_str())
        .collect();
    assert_same(&heard, &own[..heard.len()]);
    assert_eq!(heard.len(), own.len());
    assert_eq!(mine.client.events(0).await, own, "the batch is the same feed");
}

async fn a_long_poll_wakes_up(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let after = account.client.last_position().await;
    let poll = account.client.clone();
    let waiting =
        tokio::spawn(async move { poll.get(&format!("/v1/events?after={after}&wait=15")).await.ok() });
    account.client.command("CreatePolicy", policy("wakes")).await.ok();
    let batch = waiting.await.expect("the poll ends");
    assert_eq!(
        batch.header("content-type"),
        Some("application/cloudevents-batch+json")
    );
    assert_eq!(batch.body[0]["type"], "PolicyCreated");
    assert_eq!(batch.body[0]["specversion"], "1.0");
}

fn policy(name: &str) -> Value {
    json!({ "name": name, "rules": "ALLOW: read" })
}

/// What came over the stream is what the log has, id, type and data.
#[track_caller]
fn assert_same(heard: &[Heard], log: &[Value]) {
    for (heard, event) in heard.iter().zip(log) {
        assert_eq!(Some(heard.position()), event["position"].as_u64(), "{event}");
        assert_eq!(Some(heard.kind.as_str()), event["type"].as_str(), "{event}");
        assert_eq!(&heard.data, event);
    }
}
