//! Ids and names that are unknown, foreign, or no ids at all.

use serde_json::{Value, json};

use super::stage::{Expected, Stage};
use crate::harness::{Database, on_both_databases};

on_both_databases!(
    unknown_things,
    foreign_things,
    foreign_things_in_lists,
    strange_ids
);

const NOT_FOUND: Expected = (404, "not_found");

async fn unknown_things(database: Database) {
    let stage = Stage::on(&database).await;
    let client = stage.client();
    let get = |path: &str| client.request(reqwest::Method::GET, path);
    let command = |name: &str, body: Value| client.prepare(name, &body);
    let delete = client.request(reqwest::Method::DELETE, "/v1/commands/CreatePolicy");
    let put = client.request(reqwest::Method::PUT, "/v1/views/policies");
    stage
        .expect(vec![
            (
                "a command",
                command("SingSong", json!({})),
                (404, "unknown_command"),
            ),
            (
                "a command in other letters",
                command("createpolicy", json!({})),
                (404, "unknown_command"),
            ),
            (
                "a command's schema",
                get("/v1/commands/SingSong"),
                (404, "unknown_command"),
            ),
            ("a view", get("/v1/views/songs"), (404, "unknown_view")),
            (
                "a document of an unknown view",
                get("/v1/views/songs/1"),
                (404, "unknown_view"),
            ),
            ("a document", get("/v1/views/policies/pol_unknown"), NOT_FOUND),
            ("an aggregate type", get("/v1/streams/song/1"), (404, "not_found")),
            ("a stream", get("/v1/streams/policy/pol_unknown"), NOT_FOUND),
            ("a state", get("/v1/streams/policy/pol_unknown/state"), NOT_FOUND),
            ("a path", get("/v1/songs"), (404, "unknown_route")),
            ("a path outside", get("/admin.php"), (404, "unknown_route")),
            (
                "a policy to change",
                command("UpdatePolicy", json!({ "policy_id": "pol_unknown", "name": "a" })),
                NOT_FOUND,
            ),
            (
                "an agent to task",
                command(
                    "SubmitTask",
                    json!({ "agent_id": "agt_unknown", "description": "a" }),
                ),
                NOT_FOUND,
            ),
            (
                "a task to approve",
                command("ApproveTask", json!({ "task_id": "task_unknown" })),
                NOT_FOUND,
            ),
            (
                "a template",
                command(
                    "DeployAgent",
                    json!({ "name": "a", "template_id": "tmpl_unknown" }),
                ),
                NOT_FOUND,
            ),
            (
                "a key to revoke",
                command("RevokeApiKey", json!({ "key_id": "key_unknown" })),
                NOT_FOUND,
            ),
            ("another method", delete, (405, "method_not_allowed")),
            ("another method on a view", put, (405, "method_not_allowed")),
        ])
        .await;
}

async fn foreign_things(database: Database) {
    let stage = Stage::on(&database).await;
    let theirs = stage.theirs.policy("theirs", "ALLOW: read").await;
    let agent = stage.theirs.running_agent("Theirs", None).await;
    let position = stage.server.operator().last_position().await;
    let task = stage.theirs.submit(&agent, "count to ten").await;
    let client = stage.client();
    let get = |path: String| client.request(reqwest::Method::GET, &path);
    let command = |name: &str, body: Value| client.prepare(name, &body);
    stage
        .expect(vec![
            (
                "their policy",
                get(format!("/v1/views/policies/{theirs}")),
                NOT_FOUND,
            ),
            (
                "their policy, earlier",
                get(format!("/v1/views/policies/{theirs}?at={position}")),
                NOT_FOUND,
            ),
            (
                "their policy's stream",
                get(format!("/v1/streams/policy/{theirs}")),
                NOT_FOUND,
            ),
            (
                "their policy's state",
                get(format!("/v1/streams/policy/{theirs}/state")),
                NOT_FOUND,
            ),
            (
                "their account",
                get(format!("/v1/views/accounts/{}", stage.theirs.id)),
                NOT_FOUND,
            ),
            (
                "their ledger",
                get(format!("/v1/views/ledgers/{}", stage.theirs.id)),
                NOT_FOUND,
            ),
            (
                "their ledger's stream",
                get(format!("/v1/streams/ledger/{}", stage.theirs.id)),
                NOT_FOUND,
            ),
            (
                "changing their policy",
                command("UpdatePolicy", json!({ "policy_id": theirs, "name": "mine" })),
                NOT_FOUND,
            ),
            (
                "deleting their policy",
                command("DeletePolicy", json!({ "policy_id": theirs })),
                NOT_FOUND,
            ),
            (
                "stopping their agent",
                command("StopAgent", json!({ "agent_id": agent })),
                NOT_FOUND,
            ),
            (
                "deleting their agent",
                command("DeleteAgent", json!({ "agent_id": agent })),
                NOT_FOUND,
            ),
            (
                "tasking their agent",
                command("SubmitTask", json!({ "agent_id": agent, "description": "a" })),
                NOT_FOUND,
            ),
            (
                "talking to their agent",
                command("SendMessage", json!({ "agent_id": agent, "content": "a" })),
                NOT_FOUND,
            ),
            (
                "approving their task",
                command("ApproveTask", json!({ "task_id": task })),
                NOT_FOUND,
            ),
            (
                "revoking their key",
                command("RevokeApiKey", json!({ "key_id": stage.theirs.key_id })),
                NOT_FOUND,
            ),
        ])
        .await;
}

async fn foreign_things_in_lists(database: Database) {
    let stage = Stage::on(&database).await;
    let theirs = stage.theirs.policy("theirs", "ALLOW: read").await;
    let agent = stage.theirs.running_agent("Theirs", None).await;
    let client = stage.client();
    let filters = [
        format!("account_id={}", stage.theirs.id),
        format!("agent_id={agent}"),
        format!("id={theirs}"),
        String::new(),
    ];
    for view in [
        "policies", "agents", "tasks", "runtimes", "ledgers", "accounts", "api_keys",
    ] {
        for filter in &filters {
            let answer = client.get(&format!("/v1/views/{view}?{filter}")).await;
            assert!(
                !answer.text.contains(&stage.theirs.id),
                "{view}?{filter}: {}",
                answer.text
            );
        }
    }
    for query in [
        format!("aggregate_type=policy&aggregate_id={theirs}"),
        "types=PolicyCreated".to_owned(),
    ] {
        let answer = client.get(&format!("/v1/events?{query}")).await.ok();
        assert!(!answer.text.contains(&theirs), "{query}: {}", answer.text);
    }
}

async fn strange_ids(database: Database) {
    let stage = Stage::on(&database).await;
    let client = stage.client();
    let long = "x".repeat(6_000);
    let ids = [
        "%00",
        "..%2f..%2fetc%2fpasswd",
        "%ff%fe",
        "'%20OR%201=1--",
        "%F0%9F%90%A0",
        "%2e%2e",
        "-1",
        "null",
        "%20",
        "%E2%80%AE",
        "a%00b",
        "%5c",
        "%22",
        "*",
        long.as_str(),
    ];
    for id in ids {
        for path in [
            format!("/v1/views/policies/{id}"),
            format!("/v1/streams/policy/{id}"),
            format!("/v1/streams/{id}/{id}/state"),
            format!("/v1/views/{id}"),
            format!("/v1/commands/{id}"),
        ] {
            let answer = client.get(&path).await;
            assert!(
                [400, 404, 414].contains(&answer.status),
                "{path}: {} {}",
                answer.status,
                answer.text
            );
            answer.is_problem_document();
        }
    }
    for id in [
        "",
        " ",
        "\u{0}",
        "a\u{0}b",
        "'; DROP TABLE events;--",
        "\u{202e}",
        "../..",
        long.as_str(),
    ] {
        let answer = client
            .command("UpdatePolicy", json!({ "policy_id": id, "name": "a" }))
            .await;
        assert!(
            [400, 404, 422].contains(&answer.status),
            "{id:?}: {} {}",
            answer.status,
            answer.text
        );
        answer.is_problem_document();
        let answer = client
            .command(
                "CreatePolicy",
                json!({ "policy_id": id, "name": "a", "rules": "ALLOW: read" }),
            )
            .await;
        Stage::is_clear(id, &answer);
    }
    stage.still_serves().await;
}
