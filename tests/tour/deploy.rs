//! An account and key are made, an agent is deployed from a template and seen to become running.

use serde_json::json;

use crate::harness::{
    Account, Database, LONG, Log, Server, event_type, on_both_databases, template_id, wait_until,
};

on_both_databases!(
    an_agent_becomes_running,
    a_write_is_read_at_once,
    a_stopped_agent_starts_again
);

async fn an_agent_becomes_running(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let body = json!({ "name": "Clownfish", "template_id": template_id(&account.client).await });
    let answer = account.client.command("DeployAgent", body).await.ok();
    assert_eq!(answer.body["aggregate"]["type"], "agent");
    let agent = account.becomes("agents", &answer.id(), "running").await;
    assert_eq!(agent["name"], "Clownfish");

    // Running is what was observed of its runtime, never what was hoped for.
    let runtime = agent["runtime_id"]
        .as_str()
        .expect("an agent of a native account has a runtime of its own");
    assert_eq!(
        account.client.document("runtimes", runtime).await["status"],
        "running"
    );
    let log = Log::read(&server.operator()).await;
    let place = |kind: &str| log.0.iter().position(|event| event_type(event) == kind);
    let (observed, started) = (place("RuntimeRunning"), place("AgentStarted"));
    assert!(
        observed.is_some() && observed < started,
        "AgentStarted follows from RuntimeRunning"
    );
    assert!(place("AgentDeployed") < observed);
}

async fn a_write_is_read_at_once(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    for number in 0..20 {
        let name = format!("policy {number}");
        let answer = account
            .client
            .command("CreatePolicy", json!({ "name": name, "rules": "ALLOW: read" }))
            .await
            .ok();
        assert_eq!(
            answer.header("reef-position"),
            Some(answer.position().to_string().as_str())
        );
        let read = account
            .client
            .get(&format!("/v1/views/policies/{}", answer.id()))
            .await
            .ok();
        assert_eq!(read.body["name"], name.as_str());
        assert_eq!(read.header("etag"), Some("\"1\""));
        let listed = account.client.get("/v1/views/policies?limit=1").await.ok().body;
        assert_eq!(listed["data"][0]["name"], name.as_str(), "newest first");
    }
}

async fn a_stopped_agent_starts_again(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let agent = account.running_agent("Clownfish", None).await;
    account
        .client
        .command("StopAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    let stopped = account.becomes("agents", &agent, "stopped").await;
    account
        .becomes(
            "runtimes",
            stopped["runtime_id"].as_str().expect("its own runtime"),
            "stopped",
        )
        .await;
    let again = account
        .client
        .command("StopAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    assert_eq!(
        again.body["events"],
        json!([]),
        "stopping what is stopped changes nothing"
    );
    account
        .client
        .command("StartAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    account.becomes("agents", &agent, "running").await;

    account
        .client
        .command("DeleteAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    // To commands it is gone at once; what belonged to it is cleaned up behind.
    let late = account
        .client
        .command("StartAgent", json!({ "agent_id": agent }))
        .await;
    late.problem(404, "not_found");
    wait_until("the agent is gone", LONG, async || {
        let read = account.client.get(&format!("/v1/views/agents/{agent}")).await;
        if read.status == 200 {
            assert_eq!(read.body["status"], "deleting", "{}", read.text);
            return None;
        }
        read.problem(404, "not_found");
        Some(())
    })
    .await;
    assert!(account.client.list("agents", "").await.is_empty());
}
