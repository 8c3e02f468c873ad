//! Stock `postgres-es` replays our log: the `events` table is its own, with columns of ours beside them.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    harness::{Account, Database, Server, left_out},
    output,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_postgres_es_replays_an_aggregate() {
    let Ok(program) = std::env::var("REEF_TEST_POSTGRES_ES") else {
        return left_out(
            "our log read by stock postgres-es",
            "REEF_TEST_POSTGRES_ES is not set",
        );
    };
    let Some(database) = Database::postgres() else {
        return;
    };
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let policy = account.policy("careful 🐠", "ALLOW: list files").await;
    let update = json!({ "policy_id": policy, "rules": "DENY: delete \"everything\"\n" });
    account.client.command("UpdatePolicy", update).await.ok();

    let mut replay = Command::new(program);
    replay.args(["--url", database.url(), "--replay", &policy]);
    let printed = output(replay, "").await;
    let replayed: Value = serde_json::from_str(&printed[0]).expect("one line of JSON");

    let ours = account
        .client
        .get(&format!("/v1/streams/policy/{policy}/state"))
        .await
        .ok()
        .body;
    assert_eq!(replayed["sequence"], 2);
    assert_eq!(replayed["sequence"], ours["sequence"]);
    assert_eq!(replayed["state"], ours["state"]);
}
