//! Commands: answers, idempotency, preconditions, the catalogue.

use serde_json::{Value, json};

use super::{OPERATOR, Rig};

fn policy(name: &str) -> Value {
    json!({ "name": name, "rules": "ALLOW: read" })
}

#[tokio::test]
async fn an_answer_names_the_aggregate_its_events_and_the_position() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let answer = rig
        .command(&account.key, "CreatePolicy", policy("one"))
        .await
        .ok();
    assert_eq!(answer.status, 200);
    let position = answer.body["position"].as_u64().unwrap();
    let id = answer.id();
    let event = json!({
        "type": "PolicyCreated", "sequence": 1, "position": position, "aggregate_type": "policy", "aggregate_id": id,
    });
    let expected = json!({
        "aggregate": { "type": "policy", "id": id, "sequence": 1 }, "position": position, "events": [event],
    });
    assert_eq!(answer.body, expected);
    assert_eq!(answer.header("reef-position"), position.to_string());
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(answer.header("cache-control"), "no-store");
    let read = rig
        .get(&account.key, &format!("/v1/views/policies/{id}"))
        .await
        .ok();
    assert_eq!(read.body["name"], "one", "a read after the write sees it");
    rig.stop().await;
}

#[tokio::test]
async fn the_same_key_and_body_get_the_same_answer_once_carried_out() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let once = ("idempotency-key", "order-1");
    let first = rig
        .command_with(&account.key, "CreatePolicy", policy("one"), once)
        .await
        .ok();
    assert!(first.headers.get("idempotent-replayed").is_none());
    let second = rig
        .command_with(&account.key, "CreatePolicy", policy("one"), once)
        .await
        .ok();
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("reef-position"), first.header("reef-position"));
    let other = rig
        .command_with(&account.key, "CreatePolicy", policy("two"), once)
        .await;
    other.problem(422, "idempotency_key_reused");
    let listed = rig.get(&account.key, "/v1/views/policies").await.ok();
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_key_shown_once_is_shown_again_to_the_same_request_only() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let body = json!({ "account_id": account.id, "name": "twice" });
    let once = ("idempotency-key", "key-1");
    let first = rig
        .command_with(OPERATOR, "IssueApiKey", body.clone(), once)
        .await
        .ok();
    let again = rig.command_with(OPERATOR, "IssueApiKey", body, once).await.ok();
    assert_eq!(first.body["result"]["key"], again.body["result"]["key"]);
    rig.get(first.body["result"]["key"].as_str().unwrap(), "/v1/views")
        .await
        .ok();
    rig.stop().await;
}

#[tokio::test]
async fn if_match_carries_a_command_out_only_on_that_version() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let id = rig.policy(&account.key, "one").await;
    let read = rig
        .get(&account.key, &format!("/v1/views/policies/{id}"))
        .await
        .ok();
    let tag = read.header("etag").to_owned();
    let rename = |name: &str| json!({ "policy_id": id, "name": name });
    let renamed = rig
        .command_with(&account.key, "UpdatePolicy", rename("two"), ("if-match", &tag))
        .await
        .ok();
    assert_eq!(renamed.header("etag"), "\"2\"");
    let stale = rig
        .command_with(&account.key, "UpdatePolicy", rename("three"), ("if-match", &tag))
        .await;
    stale.problem(412, "precondition_failed");
    rig.command_with(
        &account.key,
        "UpdatePolicy",
        rename("four"),
        ("if-match", "\"2\""),
    )
    .await
    .ok();
    let bad = rig
        .command_with(&account.key, "UpdatePolicy", rename("five"), ("if-match", "two"))
        .await;
    assert_eq!(bad.problem(400, "invalid_parameter").body["field"], "If-Match");
    rig.stop().await;
}

#[tokio::test]
async fn the_request_id_is_taken_echoed_and_kept_in_events() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let answer = rig
        .command_with(
            &account.key,
            "CreatePolicy",
            policy("one"),
            ("x-request-id", "trace-42"),
        )
        .await
        .ok();
    assert_eq!(answer.header("x-request-id"), "trace-42");
    let stream = rig
        .get(&account.key, &format!("/v1/streams/policy/{}", answer.id()))
        .await
        .ok();
    assert_eq!(stream.body["data"][0]["correlationid"], "trace-42");
    assert_eq!(
        stream.body["data"][0]["actor"],
        format!("api_key:{}", account.key_id)
    );
    rig.stop().await;
}

#[tokio::test]
async fn the_catalogue_lists_every_command_with_its_schema() {
    let rig = Rig::new().await;
    let listed = rig.get(OPERATOR, "/v1/commands").await.ok().body;
    let names: Vec<_> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    let all: Vec<_> = reef_commands::catalogue().iter().map(|spec| spec.name).collect();
    assert_eq!(names, all);
    for name in names {
        let one = rig.get(OPERATOR, &format!("/v1/commands/{name}")).await.ok().body;
        assert!(
            one["schema"].is_object() && one["scope"].is_string() && one["description"].is_string(),
            "{one}"
        );
    }
    rig.get(OPERATOR, "/v1/commands/Fly")
        .await
        .problem(404, "unknown_command");
    rig.stop().await;
}

#[tokio::test]
async fn a_dry_run_says_what_a_policy_would() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let evaluate = async |body: Value| rig.post(&account.key, "/v1/policies/evaluate", &body).await;
    let rules = "ALLOW: read\nREQUIRE CONFIRM: email\nDENY: delete";
    let verdict = async |text: &str| {
        evaluate(json!({ "rules": rules, "text": text })).await.ok().body["decision"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(verdict("read the news").await, "allow");
    assert_eq!(verdict("email the news").await, "require_confirm");
    assert_eq!(verdict("delete an email").await, "deny");
    let id = rig.policy(&account.key, "stored").await;
    let stored = evaluate(json!({ "policy_id": id, "text": "read the news" }))
        .await
        .ok();
    assert_eq!(stored.body["matched_rule"], "ALLOW: read");
    evaluate(json!({ "policy_id": "pol_absent", "text": "x" }))
        .await
        .problem(404, "not_found");
    evaluate(json!({ "text": "x" }))
        .await
        .problem(400, "invalid_command");
    let bad = evaluate(json!({ "rules": "MAYBE: x", "text": "x" }))
        .await
        .problem(422, "rules_invalid");
    assert_eq!(bad.body["field"], "rules");
    let other = rig.account("other").await;
    let foreign = json!({ "policy_id": id, "text": "x" });
    rig.post(&other.key, "/v1/policies/evaluate", &foreign)
        .await
        .problem(404, "not_found");
    rig.stop().await;
}

#[tokio::test]
async fn a_dry_run_over_past_tasks_tells_what_would_go_otherwise() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let path = "/v1/policies/evaluate/tasks";
    let evaluate = async |body: Value| rig.post(&account.key, path, &body).await;
    let told = evaluate(json!({ "rules": "DENY: delete" })).await.ok();
    assert_eq!(told.body["data"], json!([]));
    assert_eq!(told.body["counts"]["differing"], 0);
    let id = rig.policy(&account.key, "stored").await;
    evaluate(json!({ "policy_id": id, "limit": 500 })).await.ok();
    evaluate(json!({ "policy_id": id, "limit": 0 }))
        .await
        .problem(400, "invalid_command");
    evaluate(json!({ "rules": "DENY: x", "policy_id": id }))
        .await
        .problem(400, "invalid_command");
    evaluate(json!({ "rules": "MAYBE: x" }))
        .await
        .problem(422, "rules_invalid");
    let other = rig.account("other").await;
    rig.post(&other.key, path, &json!({ "policy_id": id }))
        .await
        .problem(404, "not_found");
    let foreign = json!({ "rules": "DENY: x", "account_id": account.id });
    rig.post(&other.key, path, &foreign)
        .await
        .problem(404, "not_found");
    rig.post(OPERATOR, path, &json!({ "rules": "DENY: x" }))
        .await
        .problem(400, "invalid_command");
    rig.post(OPERATOR, path, &foreign).await.ok();
    rig.stop().await;
}
