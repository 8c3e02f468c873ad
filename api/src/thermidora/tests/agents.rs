//! Agents, their slugs and their workspaces.

use serde_json::{Value, json};

use super::{
    client::{Thermidora, each},
    covers,
    instances::instance,
    on_both_databases,
};
use crate::rig::Rig;

on_both_databases!(
    agents_share_an_instance,
    a_workspace_is_what_its_owner_wrote,
    an_agent_goes_with_its_workspace,
);

/// A new agent of that slug.
pub(super) async fn agent(ada: &Thermidora<'_>, instance: &str, slug: &str) -> String {
    let new = json!({ "name": slug, "slug": slug, "displayName": "Support Bot" });
    let made = ada.ok("create-agent", &[instance], Some(new)).await;
    made["agentId"].as_str().unwrap().to_owned()
}

/// What the agent says to that.
pub(super) async fn says(ada: &Thermidora<'_>, instance: &str, agent: &str, message: &str) -> String {
    let reply = ada
        .ok(
            "send-message",
            &[instance, agent],
            Some(json!({ "message": message })),
        )
        .await;
    reply["content"].as_str().unwrap().to_owned()
}

async fn agents_share_an_instance(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada, "my-agents").await;
    covers(&[
        "thermidora.create-agent.1",
        "thermidora.create-agent.2",
        "thermidora.create-agent.6",
        "thermidora.create-agent.7",
        "thermidora.create-agent.10",
    ]);
    let new = |slug: &str| json!({ "name": "support", "slug": slug, "displayName": "Support Bot" });
    let made = ada.ok("create-agent", &[&id], Some(new("support-bot"))).await;
    let first = made["agentId"].as_str().unwrap();
    assert_eq!(
        made,
        json!({
            "agentId": first, "slug": "support-bot", "displayName": "Support Bot",
            "model": "moonshotai.kimi-k2.5", "status": "active",
        })
    );
    let mut other = new("b2");
    let sonnet = "anthropic.claude-sonnet-4-20250514-v1:0";
    other["model"] = json!(sonnet);
    let made = ada.ok("create-agent", &[&id], Some(other)).await;
    assert_eq!(made["model"], sonnet);
    let second = made["agentId"].as_str().unwrap();
    let label = |id: &str, slug: &str| json!({ "agentId": id, "slug": slug, "status": "active" });
    let shown = ada.ok("get-instance", &[&id], None).await;
    assert_eq!(
        shown["agents"],
        json!([label(first, "support-bot"), label(second, "b2")])
    );

    covers(&[
        "thermidora.list-agents.1",
        "thermidora.list-agents.3",
        "thermidora.get-agent.1",
    ]);
    let listed = ada.ok("list-agents", &[&id], None).await;
    assert_eq!(each(&listed["agents"], "agentId"), [first, second]);
    assert_eq!(listed["agents"][0]["name"], "support");
    let one = ada.ok("get-agent", &[&id, second], None).await;
    assert_eq!((&one["slug"], &one["model"]), (&json!("b2"), &json!(sonnet)));

    covers(&[
        "thermidora.create-agent.8",
        "thermidora.create-agent.9",
        "thermidora.get-agent.3",
    ]);
    ada.fails("create-agent", &[&id], Some(new("b2")), 409).await;
    let elsewhere = instance(&ada, "others").await;
    let made = ada.ok("create-agent", &[&elsewhere], Some(new("b2"))).await;
    let third = made["agentId"].as_str().unwrap();
    assert_eq!(
        ada.fails("get-agent", &[&id, third], None, 404).await,
        "Agent not found"
    );
    let message = Some(json!({ "message": "Hello" }));
    ada.fails("send-message", &[&id, third], message, 404).await;
    ada.fails("get-agent", &[&id, "agt_absent0"], None, 404).await;
    let bob = Thermidora::account(rig, "bob").await;
    let his = instance(&bob, "his").await;
    bob.fails("get-agent", &[&his, first], None, 404).await;

    for (field, value) in [
        ("name", json!("")),
        ("name", Value::Null),
        ("slug", json!("a")),
        ("slug", json!("No")),
        ("slug", json!("-ab")),
        ("slug", json!("ab-")),
        ("slug", json!("x".repeat(33))),
        ("displayName", json!("")),
        ("model", json!("gpt-9")),
        ("useDefaults", json!("yes")),
        ("files", json!([])),
        ("files", json!({ "../x": "y" })),
        ("files", json!({ "SOUL.md": null })),
        ("files", json!({ "big.md": "x".repeat(65_537) })),
    ] {
        let mut body = new("zz");
        body[field] = value;
        ada.fails("create-agent", &[&id], Some(body), 400).await;
    }
    let made = ada.ok("create-agent", &[&id], Some(new("zz"))).await;
    assert_eq!(made["slug"], "zz", "what was refused took no slug");

    covers(&["thermidora.list-agents.2", "thermidora.x.11"]);
    ada.ok("stop-instance", &[&id], None).await;
    let listed = ada.ok("list-agents", &[&id], None).await;
    assert_eq!(each(&listed["agents"], "slug"), ["support-bot", "b2", "zz"]);
    ada.fails("create-agent", &[&id], Some(new("late")), 503).await;
    let message = Some(json!({ "message": "Hello" }));
    ada.fails("send-message", &[&id, first], message, 503).await;
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_workspace_is_what_its_owner_wrote(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada, "my-agents").await;
    covers(&[
        "thermidora.create-agent.3",
        "thermidora.create-agent.4",
        "thermidora.create-agent.5",
        "thermidora.create-agent.11",
        "thermidora.get-agent.2",
    ]);
    let new = |slug: &str, more: Value| {
        let mut body = json!({ "name": slug, "slug": slug, "displayName": slug });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let files = |agent: Value| {
        agent["files"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let standard = ["AGENTS.md", "IDENTITY.md", "MEMORY.md", "SOUL.md", "TOOLS.md"];
    let own = json!({ "SOUL.md": "Be a bird.", "docs/birds.md": "Kingfishers dive." });
    let mut made = Vec::new();
    for (slug, more, expected) in [
        ("usual", json!({}), standard.to_vec()),
        ("asked", json!({ "useDefaults": true }), standard.to_vec()),
        ("empty", json!({ "useDefaults": false }), vec![]),
        ("own", json!({ "files": own }), vec!["SOUL.md", "docs/birds.md"]),
        (
            "both",
            json!({ "useDefaults": true, "files": own }),
            [&standard[..], &["docs/birds.md"]].concat(),
        ),
    ] {
        let agent = ada.ok("create-agent", &[&id], Some(new(slug, more))).await;
        let agent = agent["agentId"].as_str().unwrap().to_owned();
        let shown = ada.ok("get-agent", &[&id, &agent], None).await;
        assert!(shown["createdAt"].as_str() <= shown["updatedAt"].as_str());
        assert_eq!(files(shown), expected, "{slug}");
        made.push(agent);
    }
    let both = ada.ok("get-agent", &[&id, &made[4]], None).await;
    assert_eq!(both["files"]["SOUL.md"], "Be a bird.");
    assert!(both["files"]["IDENTITY.md"].as_str().unwrap().len() > 20);

    covers(&[
        "thermidora.update-agent.1",
        "thermidora.update-agent.2",
        "thermidora.update-agent.3",
        "thermidora.update-agent.4",
    ]);
    let agent = &made[3];
    let change = json!({
        "name": "bird", "displayName": "Bird",
        "files": { "SOUL.md": "Be a fish.", "MEMORY.md": "The code word is kingfisher.", "docs/birds.md": null },
    });
    let changed = ada.ok("update-agent", &[&id, agent], Some(change)).await;
    assert_eq!(
        (&changed["name"], &changed["displayName"]),
        (&json!("bird"), &json!("Bird"))
    );
    let now = json!({ "SOUL.md": "Be a fish.", "MEMORY.md": "The code word is kingfisher." });
    assert_eq!(changed["files"], now);
    let reply = says(&ada, &id, agent, "recall kingfisher").await;
    assert!(
        reply.contains("The code word is kingfisher."),
        "files are there at once: {reply}"
    );
    for body in [
        json!({ "model": "moonshotai.kimi-k2.5" }),
        json!({ "slug": "own" }),
        json!({ "model": null }),
        json!({ "displayName": "" }),
        json!({ "name": null }),
        json!({ "files": { "/etc/passwd": "x" } }),
        json!({ "files": { "a/../../b": "x" } }),
        json!({ "files": { ".reef/files.json": "{}" } }),
    ] {
        ada.fails("update-agent", &[&id, agent], Some(body), 400).await;
    }
    let same = ada
        .ok(
            "update-agent",
            &[&id, agent],
            Some(json!({ "files": now, "name": "bird" })),
        )
        .await;
    assert_eq!(same["files"], now);
    let written = ada.events("workspace_file", agent).await;
    assert_eq!(
        written.len(),
        2 + 3,
        "what stays the same is no event: {written:?}"
    );

    covers(&["thermidora.update-agent.5", "thermidora.start-instance.2"]);
    says(&ada, &id, agent, "remember that herons wade").await;
    ada.ok("stop-instance", &[&id], None).await;
    let files = json!({ "files": { "MEMORY.md": "The code word is ibis." } });
    ada.ok("update-agent", &[&id, &made[0]], Some(files)).await;
    ada.ok("start-instance", &[&id], None).await;
    let reply = says(&ada, &id, &made[0], "recall ibis").await;
    assert!(reply.contains("The code word is ibis."), "{reply}");
    let reply = says(&ada, &id, agent, "recall herons").await;
    let memory = reply.split("MEMORY.md says:").nth(1).unwrap_or_default();
    assert!(
        memory.contains("herons wade"),
        "what an agent keeps itself survives: {reply}"
    );
}

async fn an_agent_goes_with_its_workspace(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let id = instance(&ada, "my-agents").await;
    covers(&["thermidora.delete-agent.1", "thermidora.delete-agent.2"]);
    let (first, second) = (agent(&ada, &id, "first").await, agent(&ada, &id, "second").await);
    says(&ada, &id, &second, "remember that herons wade").await;
    let deleted = ada.ok("delete-agent", &[&id, &first], None).await;
    assert_eq!(deleted, json!({ "agentId": first, "deleted": true }));
    for endpoint in ["get-agent", "delete-agent", "list-messages"] {
        assert_eq!(
            ada.fails(endpoint, &[&id, &first], None, 404).await,
            "Agent not found"
        );
    }
    let listed = ada.ok("list-agents", &[&id], None).await;
    assert_eq!(each(&listed["agents"], "slug"), ["second"]);
    assert!(
        says(&ada, &id, &second, "recall herons")
            .await
            .contains("herons wade")
    );
    let again = agent(&ada, &id, "first").await;
    assert_ne!(again, first, "the slug is free again");
}
