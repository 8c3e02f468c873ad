//! Credentials that are missing, wrong, revoked, or not enough.

use serde_json::{Value, json};

use super::stage::{Expected, Stage};
use crate::harness::{Client, Database, on_both_databases};

on_both_databases!(
    wrong_credentials,
    a_revoked_key,
    keys_may_what_their_scopes_say,
    operator_commands_are_the_operators
);

const UNAUTHORIZED: Expected = (401, "unauthorized");
const FORBIDDEN: Expected = (403, "forbidden");

async fn wrong_credentials(database: Database) {
    let stage = Stage::on(&database).await;
    let nobody = stage.server.client(None);
    let get = |header: &str| {
        let request = nobody.request(reqwest::Method::GET, "/v1/views/policies");
        if header.is_empty() {
            request
        } else {
            request.header("Authorization", header)
        }
    };
    let key = stage.client().key();
    let mut almost = key.to_owned();
    almost.pop();
    almost.push(if key.ends_with('a') { 'b' } else { 'a' });
    let rows = vec![
        ("no credential", get(""), UNAUTHORIZED),
        (
            "an unknown key",
            get("Bearer reef_live_sk_0000000000000000000000000000000000000000000"),
            UNAUTHORIZED,
        ),
        ("one letter off", get(&format!("Bearer {almost}")), UNAUTHORIZED),
        (
            "a prefix of a key",
            get(&format!("Bearer {}", &key[..19])),
            UNAUTHORIZED,
        ),
        ("nothing after Bearer", get("Bearer "), UNAUTHORIZED),
        (
            "another scheme",
            get("Basic b3BlcmF0b3I6b3BlcmF0b3I="),
            UNAUTHORIZED,
        ),
        (
            "10 kB of key",
            get(&format!("Bearer {}", "a".repeat(10_000))),
            UNAUTHORIZED,
        ),
        (
            "a hash of a key",
            get("Bearer 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            UNAUTHORIZED,
        ),
    ];
    stage.expect(rows).await;
    let answer = nobody.get("/v1/events").await.problem(401, "unauthorized");
    assert!(
        answer
            .header("www-authenticate")
            .is_some_and(|scheme| scheme.starts_with("Bearer"))
    );
}

async fn a_revoked_key(database: Database) {
    let stage = Stage::on(&database).await;
    let client = stage.client();
    client.list("policies", "").await;
    client
        .command("RevokeApiKey", json!({ "key_id": stage.mine.key_id }))
        .await
        .ok();
    for path in [
        "/v1/views/policies",
        "/v1/events",
        "/v1/events/stream",
        "/v1/commands",
    ] {
        client.get(path).await.problem(401, "unauthorized");
    }
    client
        .command("CreatePolicy", json!({ "name": "a", "rules": "ALLOW: read" }))
        .await
        .problem(401, "unauthorized");
    assert_eq!(
        stage.theirs.client.list("policies", "").await,
        Vec::<Value>::new(),
        "other keys are as good as before"
    );
}

async fn scoped(stage: &Stage, scopes: &[&str]) -> Client {
    let body = json!({ "account_id": stage.mine.id, "name": "scoped", "scopes": scopes });
    let issued = stage.server.operator().command("IssueApiKey", body).await.ok();
    stage
        .server
        .client(Some(issued.body["result"]["key"].as_str().expect("a key")))
}

async fn keys_may_what_their_scopes_say(database: Database) {
    let stage = Stage::on(&database).await;
    let reader = scoped(&stage, &["policies:read"]).await;
    assert_eq!(reader.list("policies", "").await.len(), 1);
    let policy = json!({ "name": "a", "rules": "ALLOW: read" });
    reader
        .command("CreatePolicy", policy)
        .await
        .problem(403, "forbidden");
    reader.get("/v1/views/ledgers").await.problem(403, "forbidden");
    // A key must not make itself a stronger one.
    let body = json!({ "name": "stronger", "scopes": ["*"] });
    scoped(&stage, &["keys:*"])
        .await
        .command("IssueApiKey", body)
        .await
        .problem(403, "scope_not_held");
}

async fn operator_commands_are_the_operators(database: Database) {
    let stage = Stage::on(&database).await;
    let (client, id) = (stage.client(), &stage.mine.id);
    let rows = [
        (
            "RegisterAccount",
            json!({ "name": "a", "owner_email": "a@example.com" }),
        ),
        ("GrantCredits", json!({ "account_id": id, "amount_micro": 1 })),
        (
            "AssignPlan",
            json!({ "account_id": id, "plan": { "id": "p", "name": "P", "price_micro_per_hour": 0 } }),
        ),
        (
            "AddUser",
            json!({ "account_id": id, "email": "b@example.com", "name": "b", "role": "admin" }),
        ),
        ("SuspendAccount", json!({ "account_id": stage.theirs.id })),
    ];
    let rows = rows
        .iter()
        .map(|(name, body)| (*name, client.prepare(name, body), FORBIDDEN));
    stage.expect(rows.collect()).await;
    client.get("/v1/parked").await.problem(403, "forbidden");
    let rebuild = client.request(reqwest::Method::POST, "/v1/views/policies/rebuild");
    client
        .send(rebuild)
        .await
        .expect("an answer")
        .problem(403, "forbidden");
}
