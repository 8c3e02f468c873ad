//! `reef verify` passes on what nobody edited, checkpoints are signed, and proofs are given.

use serde_json::json;

use crate::harness::{Account, Database, Server, on_both_databases, word};

on_both_databases!(an_untouched_log_verifies, a_backup_is_restored);

async fn an_untouched_log_verifies(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    account
        .client
        .command("CreatePolicy", json!({ "name": "one", "rules": "ALLOW: read" }))
        .await
        .ok();
    let operator = server.operator();
    let checkpoint = operator.get("/v1/log/checkpoint").await.ok();
    let lines: Vec<&str> = checkpoint.text.lines().collect();
    let size: u64 = lines[1]
        .parse()
        .expect("the second line of a checkpoint is the size of the log");
    assert!(size >= account.client.last_position().await, "{lines:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("\u{2014} ")),
        "signed: {lines:?}"
    );
    let kept = database.folder().join("checkpoint");
    std::fs::write(&kept, &checkpoint.text).expect("the folder can be written");

    account
        .client
        .command("CreatePolicy", json!({ "name": "two", "rules": "ALLOW: read" }))
        .await
        .ok();
    server.reef(&["verify"]).await.ok();
    server
        .reef(&["--json", "verify", "--checkpoint", word(&kept)])
        .await
        .ok()
        .json();

    let export = database.folder().join("export.ndjson");
    let written = server
        .reef(&["--json", "events", "export", "--output", word(&export)])
        .await
        .ok()
        .json();
    assert!(written["events"].as_u64() > Some(size), "{written}");
    server
        .reef(&["verify", "--export", word(&export), "--checkpoint", word(&kept)])
        .await
        .ok();

    let proof = operator.get("/v1/log/proof/inclusion?position=2").await.ok().body;
    assert!(
        proof["proof"].as_array().is_some_and(|hashes| !hashes.is_empty()),
        "{proof}"
    );
    let proof = operator
        .get(&format!("/v1/log/proof/consistency?from={size}"))
        .await
        .ok()
        .body;
    assert!(proof["proof"].is_array(), "{proof}");
}

async fn a_backup_is_restored(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let agent = account.running_agent("Clownfish", None).await;
    let backup = database.folder().join("reef.backup");
    server.reef(&["backup", word(&backup)]).await.ok();

    let other = Database::sqlite();
    let into = [("REEF_DATABASE_URL", other.url())];
    server.reef_with(&into, &["restore", word(&backup)]).await.ok();
    server.reef_with(&into, &["verify"]).await.ok();
    let twice = server.reef_with(&into, &["restore", word(&backup)]).await;
    assert_eq!(twice.code, Some(1), "only an empty database is filled: {twice:?}");

    let restored = Server::start(&other).await;
    let client = restored.client(Some(account.client.key()));
    assert_eq!(
        client.document("agents", &agent).await["name"],
        "Clownfish",
        "the old key works there"
    );
}
