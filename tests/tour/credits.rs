//! Credits go down while a runtime runs, each interval once; at zero the runtime is stopped.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Account, Database, LONG, Log, Server, on_both_databases, wait_until};

on_both_databases!(running_costs_credits, at_zero_the_runtime_is_stopped);

/// An hour costs this many micro-credits, metered every second.
async fn metered(server: &Server, account: &Account, price_micro_per_hour: u64) {
    let plan = json!({
        "id": "quick", "name": "Quick", "metering_interval_s": 1,
        "price_micro_per_hour": price_micro_per_hour,
    });
    server
        .operator()
        .command("AssignPlan", json!({ "account_id": account.id, "plan": plan }))
        .await
        .ok();
}

async fn balance(account: &Account) -> i64 {
    account.client.document("ledgers", &account.id).await["balance_micro"]
        .as_i64()
        .expect("a balance")
}

async fn running_costs_credits(database: Database) {
    let mut server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    metered(&server, &account, 3_600_000_000).await;
    let agent = account.running_agent("Clownfish", None).await;
    let full = balance(&account).await;
    assert_eq!(full, 100_000_000);
    let charged = wait_until("credits go down", LONG, async || {
        let now = balance(&account).await;
        (now < full).then_some(now)
    })
    .await;

    server.kill();
    server.start_again().await;
    wait_until("credits go on going down", LONG, async || {
        (balance(&account).await < charged).then_some(())
    })
    .await;
    account
        .client
        .command("StopAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    account.becomes("agents", &agent, "stopped").await;

    let log = Log::read(&server.operator()).await;
    let mut intervals = BTreeSet::new();
    let mut sum = 0;
    for charge in log.of_type("CreditsDeducted") {
        let data = &charge["data"];
        sum += data["amount_micro"].as_i64().expect("an amount");
        let interval = [&data["runtime_id"], &data["run"], &data["interval"]].map(Value::to_string);
        assert!(intervals.insert(interval), "an interval charged twice: {charge}");
    }
    assert_eq!(
        balance(&account).await,
        full - sum,
        "the balance is what the log says"
    );
}

async fn at_zero_the_runtime_is_stopped(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    // 100 credits are gone after a second.
    metered(&server, &account, 360_000_000_000).await;
    let agent = account.running_agent("Clownfish", None).await;
    account.becomes("agents", &agent, "stopped").await;
    assert_eq!(balance(&account).await, 0, "never below zero");
    let refused = account
        .client
        .command("StartAgent", json!({ "agent_id": agent }))
        .await;
    assert_eq!(refused.status, 402, "{}", refused.text);
    refused.is_problem_document();

    let more = json!({ "account_id": account.id, "amount_micro": 500_000_000 });
    server.operator().command("GrantCredits", more).await.ok();
    account
        .client
        .command("StartAgent", json!({ "agent_id": agent }))
        .await
        .ok();
    account.becomes("agents", &agent, "running").await;
}
