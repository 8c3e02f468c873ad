//! The agent's state as of three events ago, by position and by time.

use serde_json::json;

use crate::harness::{Account, Database, Server, on_both_databases};

on_both_databases!(the_past_can_be_read);

async fn the_past_can_be_read(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let agent = account.running_agent("Clownfish", None).await;
    account
        .client
        .command("StopAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    account.becomes("agents", &agent, "stopped").await;

    let stream = account
        .client
        .get(&format!("/v1/streams/agent/{agent}"))
        .await
        .ok()
        .body;
    let events = stream["data"].as_array().expect("a stream has events").clone();
    assert!(events.len() > 3, "{events:?}");
    let sequences: Vec<_> = events
        .iter()
        .filter_map(|event| event["sequence"].as_u64())
        .collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>());

    let three_ago = &events[events.len() - 4];
    let at = three_ago["position"].as_u64().expect("a position");
    let state = account
        .client
        .get(&format!("/v1/streams/agent/{agent}/state?at={at}"))
        .await
        .ok()
        .body;
    assert_eq!(state["sequence"], three_ago["sequence"]);
    let now = account
        .client
        .get(&format!("/v1/streams/agent/{agent}/state"))
        .await
        .ok()
        .body;
    assert_eq!(now["sequence"].as_u64(), Some(events.len() as u64));
    assert_ne!(state["state"], now["state"]);

    // Documents too, by position and by time, and the present one is not disturbed by it.
    let started = events
        .iter()
        .find(|event| event["type"] == "AgentStarted")
        .expect("it was running");
    for at in [
        started["position"].to_string(),
        started["time"].as_str().expect("a time").to_owned(),
    ] {
        let then = account
            .client
            .get(&format!("/v1/views/agents/{agent}?at={at}"))
            .await
            .ok()
            .body;
        assert_eq!(then["status"], "running", "at {at}");
    }
    assert_eq!(
        account.client.document("agents", &agent).await["status"],
        "stopped"
    );
    let before = events[0]["position"].as_u64().expect("a position") - 1;
    account
        .client
        .get(&format!("/v1/views/agents/{agent}?at={before}"))
        .await
        .problem(404, "not_found");

    let ended = server
        .reef(&["--json", "state", "agent", &agent, "--at", &at.to_string()])
        .await
        .ok();
    assert_eq!(ended.json(), state, "the command line reads the same");
}
