//! Somebody edits the log: `reef verify` names the position, on the database and on an export.

use serde_json::json;

use crate::harness::{Account, Database, Ended, Server, replace_in_file, word};

const HONEST: &str = "ALLOW: nothing at all";
const FORGED: &str = "ALLOW: everything now";

/// A log with a policy somewhere in its middle; its position, and a checkpoint that is kept elsewhere.
async fn kept_log(database: &Database) -> (Server, u64) {
    let server = Server::start(database).await;
    let account = Account::make(&server, "aquarium").await;
    let honest = account
        .client
        .command("CreatePolicy", json!({ "name": "honest", "rules": HONEST }))
        .await
        .ok();
    account.policy("another", "ALLOW: read").await;
    let checkpoint = server.operator().get("/v1/log/checkpoint").await.ok().text;
    std::fs::write(database.folder().join("checkpoint"), checkpoint).expect("the folder can be written");
    server.reef(&["verify"]).await.ok();
    (server, honest.position())
}

#[track_caller]
fn names(ended: &Ended, position: u64) {
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let said = format!("{}{}", ended.out, ended.err);
    let named = said
        .split(|c: char| !c.is_ascii_digit())
        .any(|number| number == position.to_string());
    assert!(named, "position {position} is not named: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_file() {
    let database = Database::sqlite();
    let (mut server, position) = kept_log(&database).await;
    assert!(server.terminate().await.success());
    let edited = replace_in_file(&database.file(), "{\"PolicyCreated\":", HONEST, FORGED);
    assert!(edited > 0, "the event is not in the file in clear");
    names(&server.reef(&["verify"]).await, position);
    names(&server.reef(&["--json", "verify"]).await, position);

    let kept = database.folder().join("checkpoint");
    names(
        &server.reef(&["verify", "--checkpoint", word(&kept)]).await,
        position,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_export() {
    let database = Database::sqlite();
    let (server, position) = kept_log(&database).await;
    let (export, kept) = (
        database.folder().join("export"),
        database.folder().join("checkpoint"),
    );
    server
        .reef(&["events", "export", "--output", word(&export)])
        .await
        .ok();
    let words = ["verify", "--export", word(&export), "--checkpoint", word(&kept)];
    server.reef(&words).await.ok();

    let text = std::fs::read_to_string(&export).expect("the export is text");
    std::fs::write(&export, text.replace(HONEST, FORGED)).expect("the export can be written");
    names(&server.reef(&words).await, position);

    // A line taken out is found as well, where the next one stands.
    let without: Vec<&str> = text.lines().filter(|line| !line.contains(HONEST)).collect();
    std::fs::write(&export, without.join("\n")).expect("the export can be written");
    names(&server.reef(&words).await, position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_row() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let (server, position) = kept_log(&database).await;
    database.sql(&format!(
        "UPDATE events SET payload = replace(payload::text, '{HONEST}', '{FORGED}')::json WHERE position = {position}"
    ));
    names(&server.reef(&["verify"]).await, position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_taken_out() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let (server, position) = kept_log(&database).await;
    database.sql(&format!("DELETE FROM events WHERE position = {position}"));
    names(&server.reef(&["verify"]).await, position);
}
