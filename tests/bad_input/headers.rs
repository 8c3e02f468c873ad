//! Headers: preconditions, idempotency keys, content types, resume points, and what tries to be a header.

use serde_json::{Value, json};

use super::stage::Stage;
use crate::harness::{Database, on_both_databases};

on_both_databases!(
    preconditions,
    idempotency_keys,
    content_types,
    resume_points,
    nothing_is_injected
);

fn renamed(stage: &Stage, name: &str) -> Value {
    json!({ "policy_id": stage.policy, "name": name })
}

async fn preconditions(database: Database) {
    let stage = Stage::on(&database).await;
    let update = |value: &str| {
        stage
            .client()
            .prepare("UpdatePolicy", &renamed(&stage, "new"))
            .header("If-Match", value)
    };
    stage
        .expect(vec![
            ("a stale sequence", update("\"1\""), (412, "precondition_failed")),
            (
                "a sequence to come",
                update("\"3\""),
                (412, "precondition_failed"),
            ),
            (
                "a huge sequence",
                update("\"18446744073709551615\""),
                (412, "precondition_failed"),
            ),
            ("no sequence", update("\"banana\""), (400, "invalid_parameter")),
            (
                "a number too large",
                update("\"18446744073709551616\""),
                (400, "invalid_parameter"),
            ),
            ("a negative one", update("\"-1\""), (400, "invalid_parameter")),
        ])
        .await;
    let answer = stage
        .client()
        .send(update("\"2\""))
        .await
        .expect("an answer")
        .ok();
    assert_eq!(answer.header("etag"), Some("\"3\""));
    let read = stage
        .client()
        .get(&format!("/v1/views/policies/{}", stage.policy))
        .await;
    let again = stage.client().request(
        reqwest::Method::GET,
        &format!("/v1/views/policies/{}", stage.policy),
    );
    let again = again.header(
        "If-None-Match",
        read.header("etag").expect("a document has an ETag"),
    );
    assert_eq!(stage.client().send(again).await.expect("an answer").status, 304);
}

async fn idempotency_keys(database: Database) {
    let stage = Stage::on(&database).await;
    let client = stage.client();
    let body = json!({ "name": "once", "rules": "ALLOW: read" });
    let first = client
        .once("the-key", "CreatePolicy", &body)
        .await
        .expect("an answer")
        .ok();
    assert_eq!(first.header("idempotent-replayed"), None);
    let again = client
        .once("the-key", "CreatePolicy", &body)
        .await
        .expect("an answer")
        .ok();
    assert_eq!(
        (&again.body, again.header("idempotent-replayed")),
        (&first.body, Some("true"))
    );
    assert_eq!(client.list("policies", "").await.len(), 2, "carried out once");

    let other = json!({ "name": "other", "rules": "ALLOW: read" });
    let reused = (422, "idempotency_key_reused");
    let invalid = (400, "invalid_parameter");
    let with = |key: &str| {
        client
            .prepare("CreatePolicy", &other)
            .header("Idempotency-Key", key)
    };
    let update = client
        .prepare("UpdatePolicy", &renamed(&stage, "new"))
        .header("Idempotency-Key", "the-key");
    let rows = vec![
        ("the same key, another body", with("the-key"), reused),
        ("the same key, another command", update, reused),
        ("an empty key", with(""), invalid),
        ("a key with a blank", with("two words"), invalid),
        ("a key of 10 kB", with(&"k".repeat(10_000)), invalid),
    ];
    stage.expect(rows).await;
    // Another account's key of the same name is another key.
    let theirs = stage
        .theirs
        .client
        .once("the-key", "CreatePolicy", &other)
        .await
        .expect("an answer")
        .ok();
    assert_ne!(theirs.id(), first.id());
}

async fn content_types(database: Database) {
    let stage = Stage::on(&database).await;
    let text = "{\"name\":\"a\",\"rules\":\"ALLOW: read\"}";
    let with = |kind: &str| {
        let request = stage
            .client()
            .request(reqwest::Method::POST, "/v1/commands/CreatePolicy")
            .body(text);
        request.header("Content-Type", kind)
    };
    let unsupported = (415, "unsupported_media_type");
    stage
        .expect(vec![
            ("plain text", with("text/plain"), unsupported),
            ("a form", with("application/x-www-form-urlencoded"), unsupported),
            ("XML", with("application/xml"), unsupported),
            ("something like JSON", with("application/jsonp"), unsupported),
            ("no type at all", with(";;;"), unsupported),
            (
                "compressed",
                with("application/json").header("Content-Encoding", "gzip"),
                unsupported,
            ),
        ])
        .await;
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
    ] {
        stage.client().send(with(kind)).await.expect("an answer").ok();
    }
}

async fn resume_points(database: Database) {
    let stage = Stage::on(&database).await;
    let resume = |id: &str| {
        stage
            .client()
            .request(reqwest::Method::GET, "/v1/events/stream")
            .header("Last-Event-ID", id)
    };
    let invalid = (400, "invalid_parameter");
    stage
        .expect(vec![
            ("a word", resume("banana"), invalid),
            ("a negative position", resume("-1"), invalid),
            ("a fraction", resume("1.5"), invalid),
            (
                "a position too large for any log",
                resume("99999999999999999999"),
                invalid,
            ),
        ])
        .await;
}

async fn nothing_is_injected(database: Database) {
    let stage = Stage::on(&database).await;
    let client = stage.client();
    let split = "x%0d%0aSet-Cookie:%20session=stolen%0d%0a%0d%0a";
    let paths = [
        format!("/v1/views/policies/{split}"),
        format!("/v1/commands/{split}"),
        format!("/v1/{split}"),
        format!("/v1/events?types={split}"),
        format!("/{split}?{split}"),
    ];
    for path in &paths {
        let answer = client.get(path).await;
        Stage::is_clear(path, &answer);
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    let long = "r".repeat(5_000);
    for id in ["<script>alert(1)</script>", long.as_str(), "a b\tc", "\"quoted\""] {
        let request = client
            .request(reqwest::Method::GET, "/v1/views/policies/unknown")
            .header("X-Request-Id", id);
        let answer = client
            .send(request)
            .await
            .expect("an answer")
            .problem(404, "not_found");
        let given = answer.body["request_id"].as_str().expect("a request id");
        assert!(given.len() <= 200, "a request id of {} characters", given.len());
        assert!(!answer.text.contains("<script>"), "{}", answer.text);
    }
    stage.still_serves().await;
}
