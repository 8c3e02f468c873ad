//! Machines come with a code, stay with a token, come back by themselves, and are cut off when removed.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::{
    harness::{Account, Database, LONG, Server, on_both_databases, wait_until},
    machine::Machine,
};

on_both_databases!(
    a_code_connects_a_machine_once,
    a_wrong_code_is_told,
    a_machine_comes_back_after_its_server,
    a_removed_machine_is_cut_off_at_once,
);

async fn a_code_connects_a_machine_once(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let mut machine = Machine::register(&server, &account, "laptop").await;
    let pending = machine.listed(&account).await.expect("it is listed");
    assert_eq!(
        (&pending["machine"]["status"], &pending["last_seen_at"]),
        (&json!("pending"), &json!(null))
    );
    assert!(!pending.to_string().contains(&machine.code), "{pending}");

    machine.start(&["--code", &machine.code.clone()]);
    machine.runs(&account).await;
    let active = machine.listed(&account).await.expect("it is listed");
    assert_eq!(active["machine"]["status"], "active");
    let seen = active["last_seen_at"].clone();
    assert!(seen.is_string(), "{active}");
    let token_file = machine.folder().join("machine.json");
    let mode = std::fs::metadata(&token_file)
        .expect("the token is kept")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // A second use of the code, as of somebody who saw it.
    let other = Machine::register(&server, &account, "other").await;
    let ended = other
        .command(&["--code", &machine.code])
        .output()
        .expect("it runs");
    assert_eq!(ended.status.code(), Some(5));

    assert!(machine.terminate().await.success(), "SIGTERM ends it well");
    wait_until("its going is seen", LONG, async || {
        let listed = machine.listed(&account).await.expect("it is listed");
        (listed["runtime"]["health"] == "unreachable").then_some(())
    })
    .await;
    machine.start(&[]);
    machine.runs(&account).await;
    let again = machine.listed(&account).await.expect("it is listed");
    assert!(
        again["last_seen_at"].as_str() > seen.as_str(),
        "{again} was seen after {seen}"
    );
}

async fn a_wrong_code_is_told(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let machine = Machine::register(&server, &account, "laptop").await;
    let wrong = machine
        .command(&["--code", "REEF-0000-0000"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(5), "{said}");
    assert!(said.contains("activation code"), "{said}");
    let without = machine.command(&[]).output().expect("it runs");
    assert_eq!(without.status.code(), Some(1));
    let anybody = server.client(None);
    let request = anybody
        .request(reqwest::Method::GET, "/v1/node/connect")
        .bearer_auth("reef_node_of_nobody");
    let refused = anybody.send(request).await.expect("an answer");
    refused.problem(401, "unauthorized");
}

async fn a_machine_comes_back_after_its_server(database: Database) {
    let mut server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let machine = Machine::connected(&server, &account, "laptop").await;
    let agent = machine.agent(&account, "Clownfish", None).await;
    server.kill();
    server.start_again().await;
    machine.runs(&account).await;
    let reply = account.chat(&agent, "Are you still there?").await;
    assert!(!reply.text().is_empty());
}

async fn a_removed_machine_is_cut_off_at_once(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let mut machine = Machine::connected(&server, &account, "laptop").await;
    let agent = machine.agent(&account, "Clownfish", None).await;
    let policy = account.policy("careful", "REQUIRE CONFIRM: send email").await;
    let other = machine.agent(&account, "Angelfish", Some(&policy)).await;
    let task = account.submit(&other, "send email to the team").await;
    account.becomes("tasks", &task, "awaiting_approval").await;
    machine.remove(&account).await;
    assert_eq!(machine.ends().await.code(), Some(5), "{}", machine.said());
    assert_eq!(machine.listed(&account).await, None);
    account.becomes("agents", &agent, "stopped").await;
    account.becomes("tasks", &task, "failed").await;
    let start = json!({ "agent_id": agent });
    let refused = account.client.command("StartAgent", start).await;
    refused.problem(409, "runtime_gone");

    machine.start(&[]);
    assert_eq!(machine.ends().await.code(), Some(5), "the token stays useless");
    account
        .client
        .command("DeleteAgent", json!({ "agent_id": agent }))
        .await
        .ok();
}
