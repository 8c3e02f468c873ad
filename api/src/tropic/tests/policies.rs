//! Policies.

use serde_json::{Value, json};

use super::{
    client::{Tropic, each, id},
    covers, on_both_databases,
};
use crate::rig::Rig;

on_both_databases!(
    policies_are_made_and_read,
    bad_policies_are_refused,
    a_policy_is_changed_in_part,
    a_deleted_policy_leaves_its_agents,
    another_users_policies_are_forbidden,
    a_request_with_an_idempotency_key_is_carried_out_once
);

const RULES: &str =
    "ALLOW: browse any public website\r\n\n  \nREQUIRE CONFIRM: download files\nDENY: shell commands";

async fn policies_are_made_and_read(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    covers(&["tropic.list-policies.2"]);
    assert_eq!(ada.ok("list-policies", &[], None).await, json!([]));

    covers(&[
        "tropic.create-policy.1",
        "tropic.create-policy.2",
        "tropic.create-policy.3",
    ]);
    let body = json!({ "name": "  Strict Research ", "rules": RULES });
    let made = ada.ok("create-policy", &[], Some(body.clone())).await;
    let first = id(&made);
    assert!(first.starts_with("pol_") && first.len() == 12, "{first}");
    assert_eq!(made["userId"], ada.user);
    assert_eq!(made["createdAt"], made["updatedAt"]);
    assert_eq!(made["name"], "Strict Research");

    covers(&["tropic.create-policy.6", "tropic.list-policies.3"]);
    assert_eq!(made["rules"], RULES);

    covers(&[
        "tropic.create-policy.7",
        "tropic.create-policy.8",
        "tropic.get-policy.1",
    ]);
    let second = id(&ada.ok("create-policy", &[], Some(body)).await);
    assert_ne!(first, second);
    assert_eq!(ada.ok("get-policy", &[&first], None).await, made);

    covers(&["tropic.list-policies.1", "tropic.list-policies.4"]);
    let others = bob.policy("ALLOW: read").await;
    assert_eq!(
        each(&ada.ok("list-policies", &[], None).await, "id"),
        [&*second, &*first]
    );
    assert_eq!(each(&bob.ok("list-policies", &[], None).await, "id"), [&*others]);
}

async fn bad_policies_are_refused(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.create-policy.4"]);
    for (rules, line) in [
        ("ALLOW: a\nplease be nice", "line 2"),
        ("allow: a", "line 1"),
        ("DENY:", "line 1"),
    ] {
        let body = json!({ "name": "bad", "rules": rules });
        let message = ada.fails("create-policy", &[], Some(body), 400).await;
        assert!(message.contains(line), "{message}");
    }
    covers(&["tropic.create-policy.5"]);
    for body in [
        json!({ "rules": "ALLOW: a" }),
        json!({ "name": "a" }),
        json!({ "name": "", "rules": "ALLOW: a" }),
        json!({ "name": "  ", "rules": "ALLOW: a" }),
        json!({ "name": "a", "rules": "" }),
        json!({ "name": 1, "rules": "ALLOW: a" }),
        json!({ "name": "a", "rules": null }),
        json!({ "name": "a", "rules": ["ALLOW: a"] }),
        json!({ "name": "x".repeat(101), "rules": "ALLOW: a" }),
    ] {
        ada.fails("create-policy", &[], Some(body), 400).await;
    }
    assert_eq!(ada.ok("list-policies", &[], None).await, json!([]));
}

async fn a_policy_is_changed_in_part(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy("ALLOW: read").await;
    let before = ada.ok("get-policy", &[&policy], None).await;

    covers(&[
        "tropic.update-policy.1",
        "tropic.update-policy.3",
        "tropic.update-policy.4",
    ]);
    let renamed = ada
        .ok("update-policy", &[&policy], Some(json!({ "name": "Relaxed" })))
        .await;
    assert_eq!(renamed["name"], "Relaxed");
    assert_eq!(renamed["rules"], "ALLOW: read");
    assert!(renamed["updatedAt"].as_str() > before["updatedAt"].as_str());
    let after = ada.ok("get-policy", &[&policy], None).await;
    assert_eq!(after["createdAt"], before["createdAt"]);
    assert_eq!(after["userId"], before["userId"]);
    let body = json!({ "rules": "DENY: write" });
    let changed = ada.ok("update-policy", &[&policy], Some(body)).await;
    assert_eq!(
        (&changed["name"], &changed["rules"]),
        (&json!("Relaxed"), &json!("DENY: write"))
    );

    covers(&["tropic.update-policy.5"]);
    let count = ada.events("policy", &policy).await.len();
    for same in [
        Some(json!({})),
        None,
        Some(json!({ "name": "Relaxed", "rules": "DENY: write" })),
    ] {
        let same = ada.ok("update-policy", &[&policy], same).await;
        assert_eq!(same, changed);
    }
    assert_eq!(ada.events("policy", &policy).await.len(), count);

    covers(&["tropic.update-policy.6"]);
    for bad in [
        json!({ "rules": "nonsense", "name": "X" }),
        json!({ "name": "" }),
        json!({ "name": null }),
    ] {
        ada.fails("update-policy", &[&policy], Some(bad), 400).await;
    }
    let kept = ada.ok("get-policy", &[&policy], None).await;
    assert_eq!(
        (&kept["name"], &kept["rules"]),
        (&json!("Relaxed"), &json!("DENY: write"))
    );
}

async fn a_deleted_policy_leaves_its_agents(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy("ALLOW: read").await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    let before = ada.ok("get-policy", &[&policy], None).await;

    covers(&["tropic.delete-policy.4"]);
    let deleted = ada.ok("delete-policy", &[&policy], None).await;
    let mut expected = before;
    expected.as_object_mut().unwrap().remove("userId");
    assert_eq!(deleted, expected);

    covers(&[
        "tropic.delete-policy.1",
        "tropic.get-policy.3",
        "tropic.list-policies.5",
    ]);
    let message = ada.fails("get-policy", &[&policy], None, 404).await;
    assert_eq!(message, format!("Policy {policy} not found"));
    assert_eq!(
        ada.fails("get-policy", &["pol_absent00"], None, 404).await,
        "Policy pol_absent00 not found"
    );
    assert_eq!(ada.ok("list-policies", &[], None).await, json!([]));

    covers(&[
        "tropic.delete-policy.2",
        "tropic.delete-policy.3",
        "tropic.delete-policy.6",
    ]);
    let row = &ada.ok("list-agents", &[], None).await[0];
    let one = ada.ok("get-agent", &[&agent], None).await;
    for shown in [row, &one] {
        assert_eq!(
            (&shown["policyId"], &shown["policy"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(shown["status"], "provisioning");
    }

    covers(&["tropic.delete-policy.5"]);
    ada.fails("delete-policy", &[&policy], None, 404).await;
    ada.fails("update-policy", &[&policy], Some(json!({ "name": "again" })), 404)
        .await;
}

async fn another_users_policies_are_forbidden(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    let policy = ada.policy("ALLOW: read").await;
    covers(&["tropic.get-policy.2"]);
    let message = bob.fails("get-policy", &[&policy], None, 403).await;
    assert_eq!(message, format!("Policy {policy} belongs to another user"));
    bob.fails("update-policy", &[&policy], Some(json!({ "name": "mine" })), 403)
        .await;
    bob.fails("delete-policy", &[&policy], None, 403).await;
    assert_eq!(ada.ok("get-policy", &[&policy], None).await["name"], "rules");
}

async fn a_request_with_an_idempotency_key_is_carried_out_once(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let send = async |name: &str| {
        let body = json!({ "name": name, "rules": "ALLOW: read" });
        let mut request = super::client::request(&ada.key, "POST", "/policies", Some(body));
        request
            .headers_mut()
            .insert("idempotency-key", "once".parse().unwrap());
        rig.send(request).await
    };
    let first = send("one").await;
    assert_eq!(first.status, 201, "{}", first.text);
    let policy = id(&first.body);
    ada.ok(
        "update-policy",
        &[&policy],
        Some(json!({ "name": "changed since" })),
    )
    .await;
    let again = send("one").await;
    assert_eq!(
        (again.status, &again.body),
        (201, &first.body),
        "the first answer, as it was"
    );
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = send("two").await;
    assert_eq!(other.status, 400, "{}", other.text);
    assert_eq!(
        ada.ok("list-policies", &[], None).await.as_array().unwrap().len(),
        1
    );
}
