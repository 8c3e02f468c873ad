//! Agents.

use serde_json::{Value, json};

use super::{
    client::{CONTRACT, Tropic, each, id},
    covers, on_both_databases,
};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    agents_are_deployed_from_templates,
    without_a_policy_one_is_made,
    five_agents_may_be_active,
    deploys_racing_at_the_limit,
    agents_are_read_with_template_and_policy,
    a_running_vm_takes_agents_at_once,
    another_policy_is_attached,
    agents_are_stopped_and_started,
    a_deleted_agent_is_gone,
    another_users_agents_are_forbidden
);

async fn agents_are_deployed_from_templates(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy("ALLOW: read").await;
    let template = ada.ok("get-template", &["web-research"], None).await;

    covers(&["tropic.deploy-agent.1", "tropic.deploy-agent.8"]);
    let body = json!({ "templateId": template["id"], "name": "My Web Researcher", "policyId": policy });
    let made = ada.ok("deploy-agent", &[], Some(body.clone())).await;
    let agent = id(&made);
    assert!(agent.starts_with("agt_") && agent.len() == 12, "{agent}");
    assert_eq!(made["userId"], ada.user);
    assert_eq!(
        (&made["templateId"], &made["policyId"]),
        (&template["id"], &json!(policy))
    );
    assert_eq!(
        (&made["name"], &made["status"]),
        (&json!("My Web Researcher"), &json!("provisioning"))
    );

    covers(&["tropic.deploy-agent.2"]);
    assert_eq!(made["config"], template["bundleConfig"]);
    let mut content = json!({
        "slug": "web-research", "name": "Web Research 2", "description": "", "icon": "star",
        "bundle": template["bundleConfig"], "default_policy": "ALLOW: other",
    });
    content["bundle"]["agent"]["model"] = json!("other-model");
    rig.command(OPERATOR, "ReviseTemplate", content).await.ok();
    let shown = ada.ok("get-agent", &[&agent], None).await;
    assert_eq!(shown["config"], template["bundleConfig"]);
    assert_eq!(shown["template"]["bundleConfig"]["agent"]["model"], "other-model");

    covers(&["tropic.deploy-agent.14"]);
    for (unknown, message) in [
        ("web-research", "Template web-research not found"),
        ("a b", "Template a b not found"),
    ] {
        let body = json!({ "templateId": unknown, "name": "X", "policyId": policy });
        assert_eq!(ada.fails("deploy-agent", &[], Some(body), 404).await, message);
    }

    covers(&["tropic.deploy-agent.15"]);
    let second = ada.ok("deploy-agent", &[], Some(body)).await;
    assert_eq!(second["name"], made["name"]);
    assert_ne!(second["id"], made["id"]);

    for bad in [
        json!({ "name": "X" }),
        json!({ "templateId": template["id"] }),
        json!({ "templateId": template["id"], "name": " " }),
        json!({ "templateId": template["id"], "name": "x".repeat(101) }),
        json!({ "templateId": template["id"], "name": "X", "policyId": 5 }),
    ] {
        ada.fails("deploy-agent", &[], Some(bad), 400).await;
    }
    let body = json!({ "templateId": template["id"], "name": "X", "policyId": "pol_absent00" });
    assert_eq!(
        ada.fails("deploy-agent", &[], Some(body), 404).await,
        "Policy pol_absent00 not found"
    );
}

async fn without_a_policy_one_is_made(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    let deploy = async |user: &Tropic<'_>, body: Value| {
        let mut whole = json!({ "templateId": user.template().await, "name": "X" });
        whole
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        user.ok("deploy-agent", &[], Some(whole)).await
    };
    covers(&["tropic.deploy-agent.5"]);
    let made = deploy(&bob, json!({})).await;
    let policy = made["policyId"].as_str().unwrap();
    let rules = bob.ok("get-policy", &[policy], None).await["rules"].clone();
    assert_eq!(
        rules,
        bob.ok("get-template", &["web-research"], None).await["defaultPolicy"]
    );

    covers(&["tropic.deploy-agent.3", "tropic.deploy-agent.4"]);
    let bundles = json!({ "bundles": ["browser-search"] });
    ada.ok("update-command-bundles", &[], Some(bundles)).await;
    let made = deploy(&ada, json!({})).await;
    let policy = made["policyId"].as_str().unwrap();
    let listed = ada.ok("list-policies", &[], None).await;
    assert_eq!(each(&listed, "id"), [policy]);
    let rules = listed[0]["rules"].as_str().unwrap();
    assert!(
        rules.contains("ALLOW: browse websites") && rules.contains("DENY: sudo"),
        "{rules}"
    );

    covers(&["tropic.deploy-agent.6"]);
    assert_eq!(
        deploy(&ada, json!({ "policyId": null })).await["policyId"],
        policy
    );
    assert_eq!(
        ada.ok("list-policies", &[], None).await.as_array().unwrap().len(),
        1
    );
    ada.ok("update-command-bundles", &[], Some(json!({ "bundles": [] })))
        .await;
    let other = deploy(&ada, json!({})).await;
    assert_ne!(other["policyId"], policy, "the settings have changed");
}

async fn five_agents_may_be_active(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let mut agents = Vec::new();
    for number in 0..5 {
        agents.push(ada.agent(&number.to_string(), None).await);
    }
    covers(&["tropic.deploy-agent.11"]);
    let sixth = json!({ "templateId": ada.template().await, "name": "6" });
    ada.fails("deploy-agent", &[], Some(sixth.clone()), 400).await;
    assert_eq!(
        ada.ok("list-agents", &[], None).await.as_array().unwrap().len(),
        5
    );

    covers(&["tropic.deploy-agent.12", "tropic.stop-agent.3"]);
    ada.ok("stop-agent", &[&agents[0]], None).await;
    ada.ok("deploy-agent", &[], Some(sixth.clone())).await;
    ada.fails("start-agent", &[&agents[0]], None, 400).await;
    ada.ok("delete-agent", &[&agents[1]], None).await;
    ada.ok("start-agent", &[&agents[0]], None).await;
    ada.fails("deploy-agent", &[], Some(sixth), 400).await;
}

async fn deploys_racing_at_the_limit(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let template = ada.template().await;
    let deploy = async |number: usize| {
        let body = json!({ "templateId": template, "name": number.to_string() });
        ada.call("deploy-agent", &[], Some(body)).await.status
    };
    let mut statuses = futures::future::join_all((0..10).map(deploy)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 201, 201, 400, 400, 400, 400, 400]);
    assert_eq!(
        ada.ok("list-agents", &[], None).await.as_array().unwrap().len(),
        5
    );
}

async fn agents_are_read_with_template_and_policy(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.list-agents.5"]);
    assert_eq!(ada.ok("list-agents", &[], None).await, json!([]));
    let policy = ada.policy("ALLOW: read").await;
    let (one, two) = (
        ada.agent("1", Some(&policy)).await,
        ada.agent("2", Some(&policy)).await,
    );
    Tropic::user(rig, "bob").await.agent("other", None).await;

    covers(&["tropic.list-agents.1", "tropic.list-agents.2"]);
    let listed = ada.ok("list-agents", &[], None).await;
    assert_eq!(each(&listed, "id"), [&*two, &*one]);
    let template = ada.ok("get-template", &["web-research"], None).await;
    let label = json!({ "name": template["name"], "slug": template["slug"], "icon": template["icon"] });
    assert_eq!(listed[0]["template"], label);
    assert_eq!(listed[0]["policy"], json!({ "id": policy, "name": "rules" }));
    assert_eq!(listed[0]["policyId"], policy);

    covers(&["tropic.get-agent.1", "tropic.get-agent.4"]);
    let shown = ada.ok("get-agent", &[&one], None).await;
    assert_eq!(shown["template"], template);
    assert_eq!(
        shown["policy"],
        json!({ "id": policy, "name": "rules", "rules": "ALLOW: read" })
    );
    assert_eq!(
        (&shown["userId"], &shown["templateId"]),
        (&json!(ada.user), &template["id"])
    );
    assert_eq!(
        (&shown["policyId"], &shown["config"]),
        (&json!(policy), &template["bundleConfig"])
    );

    covers(&["tropic.get-agent.3"]);
    ada.ok("update-policy", &[&policy], Some(json!({ "rules": "DENY: all" })))
        .await;
    assert_eq!(
        ada.ok("get-agent", &[&one], None).await["policy"]["rules"],
        "DENY: all"
    );

    covers(&["tropic.get-agent.2", "tropic.list-agents.3"]);
    ada.ok("update-agent-policy", &[&one], Some(json!({ "policyId": null })))
        .await;
    let shown = ada.ok("get-agent", &[&one], None).await;
    assert_eq!(
        (&shown["policy"], &shown["policyId"]),
        (&Value::Null, &Value::Null)
    );
    let listed = ada.ok("list-agents", &[], None).await;
    assert_eq!(
        (&listed[1]["policy"], &listed[1]["policyId"]),
        (&Value::Null, &Value::Null)
    );

    covers(&["tropic.list-agents.4"]);
    ada.ok("stop-agent", &[&one], None).await;
    ada.ok("delete-agent", &[&two], None).await;
    assert_eq!(each(&ada.ok("list-agents", &[], None).await, "id"), [&*one]);

    // A template that is no longer offered is still its agents' template.
    rig.command(
        OPERATOR,
        "WithdrawTemplate",
        json!({ "template_id": template["id"] }),
    )
    .await
    .ok();
    assert_eq!(ada.ok("get-agent", &[&one], None).await["template"], template);
    assert_eq!(ada.ok("list-agents", &[], None).await[0]["template"], label);
}

async fn a_running_vm_takes_agents_at_once(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let waiting = ada.agent("waits", None).await;
    assert_eq!(
        ada.ok("get-agent", &[&waiting], None).await["status"],
        "provisioning"
    );
    ada.running_vm().await;
    covers(&["tropic.deploy-agent.9"]);
    ada.becomes("get-agent", &[&waiting], "status", "ready").await;

    covers(&["tropic.deploy-agent.7", "tropic.deploy-agent.10"]);
    let body = json!({ "templateId": ada.template().await, "name": "at once" });
    let made = ada.ok("deploy-agent", &[], Some(body)).await;
    assert!(["provisioning", "ready"].contains(&made["status"].as_str().unwrap()));
    ada.becomes("get-agent", &[&id(&made)], "status", "ready").await;
}

async fn another_policy_is_attached(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let (first, second) = (ada.policy("ALLOW: read").await, ada.policy("DENY: read").await);
    let agent = ada.agent("Clownfish", Some(&first)).await;

    covers(&[
        "tropic.update-agent-policy.1",
        "tropic.update-agent-policy.4",
        "tropic.update-agent-policy.5",
    ]);
    let body = json!({ "policyId": second });
    let changed = ada.ok("update-agent-policy", &[&agent], Some(body.clone())).await;
    assert_eq!(changed["policy"], json!({ "id": second, "name": "rules" }));
    assert_eq!(changed["status"], "provisioning");
    assert_eq!(ada.ok("get-agent", &[&agent], None).await["policyId"], second);

    covers(&["tropic.update-agent-policy.6"]);
    let attached = async || {
        let events = ada.events("agent", &agent).await;
        events
            .iter()
            .filter(|event| *event == "AgentPolicyAttached")
            .count()
    };
    let before = attached().await;
    ada.ok("update-agent-policy", &[&agent], Some(body)).await;
    assert_eq!(attached().await, before);

    covers(&["tropic.update-agent-policy.7"]);
    for bad in [json!({}), json!({ "policyId": 5 }), json!({ "policy_id": null })] {
        ada.fails("update-agent-policy", &[&agent], Some(bad), 400).await;
    }
    assert_eq!(ada.ok("get-agent", &[&agent], None).await["policyId"], second);

    covers(&["tropic.update-agent-policy.2"]);
    let body = json!({ "policyId": null });
    let detached = ada.ok("update-agent-policy", &[&agent], Some(body)).await;
    assert_eq!(detached["policy"], Value::Null);
    assert_eq!(ada.ok("get-agent", &[&agent], None).await["policy"], Value::Null);

    let body = json!({ "policyId": "pol_absent00" });
    ada.fails("update-agent-policy", &[&agent], Some(body), 404).await;
    ada.fails(
        "update-agent-policy",
        &["agt_absent00"],
        Some(json!({ "policyId": null })),
        404,
    )
    .await;
}

async fn agents_are_stopped_and_started(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let agent = ada.agent("Clownfish", None).await;

    covers(&["tropic.stop-agent.1", "tropic.stop-agent.2"]);
    let stopped = ada.ok("stop-agent", &[&agent], None).await;
    assert_eq!(
        stopped,
        json!({ "id": agent, "name": "Clownfish", "status": "stopped" })
    );
    let count = ada.events("agent", &agent).await.len();
    assert_eq!(ada.ok("stop-agent", &[&agent], None).await, stopped);
    assert_eq!(ada.events("agent", &agent).await.len(), count);

    covers(&["tropic.stop-agent.5"]);
    let started = ada.ok("start-agent", &[&agent], None).await;
    assert_eq!(started["status"], "provisioning");
    ada.running_vm().await;
    ada.becomes("get-agent", &[&agent], "status", "ready").await;
    assert_eq!(ada.ok("start-agent", &[&agent], None).await["status"], "ready");
    assert_eq!(ada.ok("stop-agent", &[&agent], None).await["status"], "stopped");
    ada.ok("start-agent", &[&agent], None).await;
    ada.becomes("get-agent", &[&agent], "status", "ready").await;
    ada.fails("stop-agent", &["agt_absent00"], None, 404).await;
}

async fn a_deleted_agent_is_gone(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy("ALLOW: read").await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    let task = ada.task(&agent, "read a book").await;

    covers(&[
        "tropic.delete-agent.1",
        "tropic.delete-agent.2",
        "tropic.get-agent.5",
    ]);
    assert_eq!(
        ada.ok("delete-agent", &[&agent], None).await,
        json!({ "success": true })
    );
    let message = ada.fails("get-agent", &[&agent], None, 404).await;
    assert_eq!(message, format!("Agent {agent} not found"));
    assert_eq!(ada.ok("list-agents", &[], None).await, json!([]));
    ada.fails("start-agent", &[&agent], None, 404).await;
    ada.fails(
        "update-agent-policy",
        &[&agent],
        Some(json!({ "policyId": policy })),
        404,
    )
    .await;

    covers(&["tropic.delete-agent.3"]);
    ada.fails("get-task", &[&task], None, 404).await;
    ada.fails("approve-task", &[&task], None, 404).await;
    assert_eq!(ada.ok("list-tasks", &[], None).await, json!([]));
    ada.fails("list-agent-tasks", &[&agent], None, 404).await;
    assert!(ada.events("task", &task).await.contains(&"TaskFailed".to_owned()));

    covers(&["tropic.delete-agent.5", "tropic.delete-agent.6"]);
    ada.ok("get-policy", &[&policy], None).await;
    ada.fails("delete-agent", &[&agent], None, 404).await;
}

async fn another_users_agents_are_forbidden(rig: &Rig) {
    covers(&["tropic.x.10"]);
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    let policy = ada.policy("ALLOW: read").await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    for (endpoint, body) in [
        ("get-agent", None),
        ("stop-agent", None),
        ("start-agent", None),
        ("delete-agent", None),
        ("list-agent-tasks", None),
        ("submit-task", Some(json!({ "description": "mine" }))),
        ("update-agent-policy", Some(json!({ "policyId": null }))),
    ] {
        let endpoint = CONTRACT.endpoint(endpoint);
        let path = bob.path(endpoint, &[&agent]);
        let reply = bob.send(endpoint.method(), &path, body).await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.text);
    }
    let own = bob.agent("own", None).await;
    let body = json!({ "policyId": policy });
    bob.fails("update-agent-policy", &[&own], Some(body.clone()), 403)
        .await;
    let body = json!({ "templateId": bob.template().await, "name": "X", "policyId": policy });
    bob.fails("deploy-agent", &[], Some(body), 403).await;
}
