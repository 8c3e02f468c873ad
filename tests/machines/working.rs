//! Agents on a person's machine: they chat, work under a policy, and go on after the machine was killed.

use serde_json::json;

use crate::{
    harness::{Account, Database, Log, Server, on_both_databases},
    machine::Machine,
};

on_both_databases!(
    an_agent_on_a_machine_chats_and_works,
    work_goes_on_after_the_machine_was_killed,
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
