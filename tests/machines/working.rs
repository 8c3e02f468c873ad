//! Agents on a person's machine: they chat, work under a policy, and go on after the machine was killed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    harness::{Account, Client, Database, LONG, Log, ModelServer, Server, on_both_databases, wait_until},
    machine::Machine,
};

on_both_databases!(
    an_agent_on_a_machine_chats_and_works,
    work_goes_on_after_the_machine_was_killed,
    a_local_gateway_can_do_the_work,
    a_machine_does_what_is_due,
);

const RULES: &str = "ALLOW: list files\nREQUIRE CONFIRM: send email\nDENY: delete database";

async fn an_agent_on_a_machine_chats_and_works(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let machine = Machine::connected(&server, &account, "laptop").await;
    let policy = account.policy("careful", RULES).await;
    let agent = machine.agent(&account, "Clownfish", Some(&policy)).await;

    let reply = account.chat(&agent, "Remember that the reef is blue.").await;
    assert!(!reply.pieces.is_empty());
    assert_eq!(reply.recorded["content"], reply.text());
    // The machine's own disk has what the agent remembers.
    let memory = machine.folder().join(format!("agents/{agent}/MEMORY.md"));
    let memory = std::fs::read_to_string(memory).expect("the agent's memory is a file");
    assert!(memory.contains("the reef is blue"), "{memory}");

    let allowed = account.submit(&agent, "list files in the workspace").await;
    account.becomes("tasks", &allowed, "completed").await;
    let denied = account.submit(&agent, "delete database of the customer").await;
    account.becomes("tasks", &denied, "failed").await;
    let confirmed = account.submit(&agent, "send email to the team").await;
    account.becomes("tasks", &confirmed, "awaiting_approval").await;
    account
        .client
        .command("ApproveTask", json!({ "task_id": confirmed }))
        .await
        .ok();
    account.becomes("tasks", &confirmed, "completed").await;
    let log = Log::read(&server.operator()).await;
    assert_eq!(log.of_type("TaskCompleted").count(), 2);
    assert_eq!(log.count_by_aggregate("TaskStarted").get(&confirmed), Some(&1));
    // A machine that is the owner's costs nothing.
    assert_eq!(log.of_type("CreditsDeducted").count(), 0);
}

async fn work_goes_on_after_the_machine_was_killed(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let mut machine = Machine::connected(&server, &account, "laptop").await;
    let policy = account.policy("careful", RULES).await;
    let agent = machine.agent(&account, "Clownfish", Some(&policy)).await;
    let waiting = account.submit(&agent, "send email to the team").await;
    account.becomes("tasks", &waiting, "awaiting_approval").await;

    machine.kill();
    let while_away = account.submit(&agent, "list files in the workspace").await;
    account
        .client
        .command("ApproveTask", json!({ "task_id": waiting }))
        .await
        .ok();
    machine.start(&[]);
    account.becomes("tasks", &while_away, "completed").await;
    account.becomes("tasks", &waiting, "completed").await;
    let reply = account.chat(&agent, "Good morning").await;
    assert!(!reply.text().is_empty());
    let log = Log::read(&server.operator()).await;
    assert_eq!(log.of_type("TaskCompleted").count(), 2);
}

/// The gateway's chat API as it was recorded: OpenAI's chunks, the model naming an agent of the gateway.
async fn a_local_gateway_can_do_the_work(database: Database) {
    let gateway = ModelServer::answering(&["From ", "the ", "claw"]).await;
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let mut machine = Machine::register(&server, &account, "laptop").await;
    let base = gateway.base().trim_end_matches("/v1").to_owned();
    let refused = machine
        .command(&["--code", &machine.code, "--openclaw", &base])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("OPENCLAW_GATEWAY_TOKEN"), "{said}");

    let token = machine.folder().join("gateway-token");
    std::fs::write(&token, "claw-token\n").expect("the token can be written");
    // The code was not used up by the first try.
    machine.start(&[
        "--code",
        &machine.code.clone(),
        "--openclaw",
        &base,
        "--openclaw-token-file",
        "gateway-token",
    ]);
    let agent = machine.agent(&account, "Clownfish", None).await;
    let reply = account.chat(&agent, "Who are you?").await;
    assert_eq!(reply.text(), "From the claw");
    let asked = gateway.asked();
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer claw-token"));
    assert_eq!(asked[0].body["model"], "openclaw/default");
    assert_eq!(asked[0].body["stream"], true);
}

/// Waits until so many cron jobs have told their results, and returns those events.
async fn cron_results(client: &Client, count: usize) -> Vec<Value> {
    wait_until("a result of a cron job", LONG, async || {
        let listed = client.get("/v1/events?types=CronJobCompleted").await.ok().body;
        let found = listed.as_array().expect("a list").clone();
        (found.len() == count).then_some(found)
    })
    .await
}

/// Only the machine knows the jobs; the server knows when the next is due, and makes up for what was missed.
async fn a_machine_does_what_is_due(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let mut machine = Machine::connected(&server, &account, "laptop").await;
    let agent = machine.agent(&account, "Clownfish", None).await;
    let reply = account
        .chat(&agent, "schedule tide in 1 second: How high is the tide?")
        .await;
    assert!(reply.text().contains("\"tide\" is scheduled"), "{}", reply.text());
    let jobs = machine.folder().join(format!("agents/{agent}/cron/jobs.json"));
    assert!(jobs.exists(), "the jobs are on the machine");
    let found = cron_results(&account.client, 1).await;
    assert_eq!(found[0]["data"]["job_name"], "tide");

    account
        .chat(&agent, "schedule moon in 2 seconds: How full is the moon?")
        .await;
    let asked = Instant::now();
    machine.kill();
    tokio::time::sleep(Duration::from_millis(2500).saturating_sub(asked.elapsed())).await;
    machine.start(&[]);
    let found = cron_results(&account.client, 2).await;
    assert_eq!(found[1]["data"]["job_name"], "moon");
    // Neither comes again.
    account.chat(&agent, "Good morning").await;
    assert_eq!(cron_results(&account.client, 2).await, found);
    let whole = serde_json::to_string(&Log::read(&server.operator()).await.0).expect("events are JSON");
    assert!(
        !whole.contains("How full is the moon"),
        "it is in the log in clear"
    );
}
