//! A task whose rule says REQUIRE CONFIRM waits and runs once approved; DENY fails; ALLOW just runs.

use serde_json::json;

use crate::harness::{Account, Database, Log, Server, Setup, on_both_databases};

on_both_databases!(
    rules_decide_what_happens,
    approvals_survive_a_restart,
    approvals_expire,
    a_dry_run_explains
);

const RULES: &str = "ALLOW: list files\nREQUIRE CONFIRM: send email\nDENY: delete database";

async fn rules_decide_what_happens(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let policy = account.policy("careful", RULES).await;
    let agent = account.running_agent("Clownfish", Some(&policy)).await;

    let allowed = account.submit(&agent, "list files in the workspace").await;
    account.becomes("tasks", &allowed, "completed").await;

    let denied = account.submit(&agent, "delete database of the customer").await;
    let failed = account.becomes("tasks", &denied, "failed").await;
    assert!(
        failed.to_string().contains("DENY: delete database"),
        "the rule is named: {failed}"
    );

    let confirmed = account.submit(&agent, "send email to the team").await;
    let waiting = account.becomes("tasks", &confirmed, "awaiting_approval").await;
    assert!(
        waiting.to_string().contains("REQUIRE CONFIRM: send email"),
        "the rule is named: {waiting}"
    );
    account
        .client
        .command("ApproveTask", json!({ "task_id": confirmed }))
        .await
        .ok();
    account.becomes("tasks", &confirmed, "completed").await;
    let late = account
        .client
        .command("RejectTask", json!({ "task_id": confirmed }))
        .await;
    assert_eq!(late.status, 409, "{}", late.text);

    let rejected = account.submit(&agent, "send email to everybody").await;
    account.becomes("tasks", &rejected, "awaiting_approval").await;
    account
        .client
        .command("RejectTask", json!({ "task_id": rejected }))
        .await
        .ok();
    account.becomes("tasks", &rejected, "rejected").await;

    // What no rule mentions needs a person.
    let unmentioned = account.submit(&agent, "paint the fence").await;
    account.becomes("tasks", &unmentioned, "awaiting_approval").await;

    let log = Log::read(&server.operator()).await;
    assert_eq!(log.of_type("TaskCompleted").count(), 2);
    assert_eq!(log.count_by_aggregate("TaskApproved").get(&confirmed), Some(&1));
}

async fn approvals_survive_a_restart(database: Database) {
    let mut server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let policy = account.policy("careful", RULES).await;
    let agent = account.running_agent("Clownfish", Some(&policy)).await;
    let task = account.submit(&agent, "send email to the team").await;
    account.becomes("tasks", &task, "awaiting_approval").await;
    server.kill();
    server.start_again().await;
    account.becomes("tasks", &task, "awaiting_approval").await;
    account
        .client
        .command("ApproveTask", json!({ "task_id": task }))
        .await
        .ok();
    account.becomes("tasks", &task, "completed").await;
}

async fn approvals_expire(database: Database) {
    let server = Setup::on(&database)
        .with("REEF_APPROVAL_TTL_S", "1")
        .start()
        .await;
    let account = Account::make(&server, "aquarium").await;
    let policy = account.policy("careful", RULES).await;
    let agent = account.running_agent("Clownfish", Some(&policy)).await;
    let task = account.submit(&agent, "send email to the team").await;
    account.becomes("tasks", &task, "failed").await;
    let late = account
        .client
        .command("ApproveTask", json!({ "task_id": task }))
        .await;
    assert_eq!(late.status, 409, "{}", late.text);
    // Expired, resolved and unknown are told apart.
    assert!(
        late.body["code"]
            .as_str()
            .is_some_and(|code| code.contains("expired")),
        "{}",
        late.text
    );
    let unknown = account
        .client
        .command("ApproveTask", json!({ "task_id": "task_unknown" }))
        .await;
    unknown.problem(404, "not_found");
}

async fn a_dry_run_explains(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let policy = account.policy("careful", RULES).await;
    let before = server.operator().last_position().await;
    for (text, decision, rule) in [
        ("list files in the workspace", "allow", "ALLOW: list files"),
        (
            "send email to the team",
            "require_confirm",
            "REQUIRE CONFIRM: send email",
        ),
        ("list files and delete database", "deny", "DENY: delete database"),
    ] {
        let body = json!({ "policy_id": policy, "text": text });
        let request = account
            .client
            .request(reqwest::Method::POST, "/v1/policies/evaluate")
            .json(&body);
        let answer = account.client.send(request).await.expect("an answer").ok();
        assert_eq!(answer.body["decision"], decision, "{}", answer.text);
        assert!(answer.text.contains(rule), "the rule is named: {}", answer.text);
    }
    assert_eq!(
        server.operator().last_position().await,
        before,
        "asking changes nothing"
    );
}
