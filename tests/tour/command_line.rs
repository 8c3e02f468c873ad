//! The operator's commands: what they print for people and for machines, and how they end.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Account, Database, Ended, Server, event_type, on_both_databases};

on_both_databases!(everyday_commands, invitations, endings_tell_what_went_wrong);

async fn everyday_commands(database: Database) {
    let server = Server::start(&database).await;
    let made = server
        .reef(&[
            "account",
            "create",
            "--name",
            "Aquarium",
            "--email",
            "a@example.com",
        ])
        .await
        .ok();
    let account = made.first_line();
    let listed = server.reef(&["--json", "account", "list"]).await.ok().json();
    assert!(
        listed
            .as_array()
            .is_some_and(|all| all.iter().any(|row| row["id"] == account)),
        "{listed}"
    );

    let issued = server
        .reef(&["--json", "key", "issue", "--account", account, "--name", "mine"])
        .await
        .ok()
        .json();
    let key = issued["result"]["key"].as_str().expect("the key is shown");
    assert!(key.starts_with("reef_live_sk_"), "{key}");
    let client = server.client(Some(key));
    client
        .command("CreatePolicy", json!({ "name": "one", "rules": "ALLOW: read" }))
        .await
        .ok();

    server.reef(&["credits", "grant", account, "12.5"]).await.ok();
    let balance = server
        .reef(&["--json", "credits", "balance", account])
        .await
        .ok()
        .json();
    assert_eq!(balance["balance_micro"], 12_500_000);
    assert_eq!(
        server
            .reef(&["credits", "balance", account])
            .await
            .ok()
            .first_line(),
        "12.5 credits"
    );

    let exported = server.reef(&["events", "export"]).await.ok();
    let lines = exported.out.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).expect("one event a line");
        // What `reef verify --export` needs besides.
        let leaf = event.as_object_mut().and_then(|event| event.remove("leafhash"));
        assert!(
            leaf.is_some_and(|leaf| leaf.as_str().is_some_and(|leaf| leaf.len() >= 43)),
            "{line}"
        );
        event
    });
    assert_eq!(lines.collect::<Vec<_>>(), server.operator().events(0).await);

    let rebuilt = server.reef(&["--json", "rebuild", "policies"]).await.ok().json();
    assert_eq!(rebuilt[0]["view"], "policies");
    assert_eq!(client.list("policies", "").await.len(), 1);
    assert_eq!(
        server.reef(&["parked", "list"]).await.ok().first_line(),
        "nothing is parked"
    );

    let id = issued["aggregate"]["id"].as_str().expect("a key has an id");
    server.reef(&["key", "revoke", id]).await.ok();
    assert_eq!(client.get("/v1/views/policies").await.status, 401, "revoked");
    server.reef(&["account", "suspend", account]).await.ok();
    server.reef(&["account", "reinstate", account]).await.ok();
}

async fn invitations(database: Database) {
    let server = Server::start(&database).await;
    let issued = server.reef(&["invite", "issue", "--uses", "2"]).await.ok();
    let code = issued.first_line();
    let register = async |name: &str| {
        let body = json!({ "name": name, "email": format!("{name}@example.com"), "inviteCode": code });
        let client = server.client(None);
        let request = client.request(Method::POST, "/thermidora/v1/auth/register");
        client.send(request.json(&body)).await.expect("an answer").status
    };
    assert_eq!(register("ada").await, 201);
    for _ in 0..2 {
        server.reef(&["invite", "revoke", code]).await.ok();
    }
    assert_eq!(register("bob").await, 400, "it was taken back");
    let unknown = server.reef(&["invite", "revoke", "invite_made_up"]).await;
    assert!(unknown.code.is_some_and(|code| code != 0), "{unknown:?}");
    let types: Vec<Value> = server.operator().events(0).await;
    let types = types.iter().map(event_type);
    assert_eq!(types.filter(|kind| *kind == "InviteCodeRevoked").count(), 1);
}

async fn endings_tell_what_went_wrong(database: Database) {
    let mut server = Server::start(&database).await;
    Account::make(&server, "aquarium").await;
    let ends = |ended: &Ended, code: i32, words: &str| {
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.err.contains(words), "{words:?} is not in {:?}", ended.err);
        assert_eq!(
            ended.err.lines().filter(|line| line.contains("panicked")).count(),
            0
        );
    };
    ends(&server.reef(&["sing"]).await, 2, "unrecognized subcommand");
    ends(
        &server.reef(&["state", "agent", "agt_unknown"]).await,
        1,
        "not_found",
    );
    ends(&server.reef(&["rebuild", "unknown"]).await, 1, "unknown");
    ends(
        &server.reef(&["credits", "grant", "acc_unknown", "1"]).await,
        1,
        "not_found",
    );
    ends(
        &server.reef(&["credits", "grant", "acc_unknown", "-1"]).await,
        2,
        "unexpected argument",
    );
    ends(
        &server.reef(&["verify", "--checkpoint", "/no/such/file"]).await,
        1,
        "/no/such/file",
    );
    ends(
        &server.reef_with(&[("REEF_COLOUR", "blue")], &["verify"]).await,
        1,
        "colour",
    );
    let wrong = [("REEF_OPERATOR_KEY", "not-the-key-of-this-server")];
    ends(
        &server.reef_with(&wrong, &["account", "list"]).await,
        1,
        "does not accept this operator key",
    );
    server.terminate().await;
    ends(&server.reef(&["account", "list"]).await, 4, "no server answers");
}
