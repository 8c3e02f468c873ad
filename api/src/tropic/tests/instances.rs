//! Instances.

use serde_json::{Value, json};

use super::{
    client::{CONTRACT, Tropic, each, id, request},
    covers, on_both_databases,
};
use crate::rig::Rig;

on_both_databases!(
    a_local_instance_is_activated_once,
    an_instance_is_renamed_and_removed,
    the_vm_is_an_instance_too
);

/// Uses an activation code, without a credential.
async fn activate(rig: &Rig, code: &str) -> (u16, Value) {
    let body = json!({ "activationCode": code });
    let reply = rig
        .send(request("", "POST", "/instances/activate", Some(body)))
        .await;
    if reply.status == 200 {
        CONTRACT.endpoint("activate-local-instance").check(&reply.body);
    }
    (reply.status, reply.body)
}

async fn a_local_instance_is_activated_once(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    assert_eq!(ada.ok("list-instances", &[], None).await, json!([]));

    covers(&[
        "tropic.register-local-instance.1",
        "tropic.register-local-instance.2",
    ]);
    let body = json!({ "name": "My MacBook", "description": "Local development machine" });
    let made = ada.ok("register-local-instance", &[], Some(body)).await;
    let instance = id(&made);
    assert!(instance.starts_with("inst_"), "{instance}");
    assert_eq!(
        (&made["type"], &made["status"]),
        (&json!("local"), &json!("pending"))
    );
    let code = made["activationCode"].as_str().unwrap();
    let groups: Vec<&str> = code.split('-').collect();
    assert_eq!(
        (groups[0], groups[1].len(), groups[2].len()),
        ("TRPC", 4, 4),
        "{code}"
    );
    for bad in [
        json!({}),
        json!({ "name": " " }),
        json!({ "name": "x".repeat(101) }),
        json!({ "name": 1 }),
    ] {
        ada.fails("register-local-instance", &[], Some(bad), 400).await;
    }
    let long = json!({ "name": "a", "description": "x".repeat(501) });
    ada.fails("register-local-instance", &[], Some(long), 400).await;

    covers(&["tropic.list-instances.2", "tropic.list-instances.4"]);
    let listed = ada.call("list-instances", &[], None).await;
    let row = &listed.body[0];
    assert_eq!(
        (&row["status"], &row["lastSeenAt"]),
        (&json!("pending"), &Value::Null)
    );
    assert!(row.as_object().unwrap().contains_key("lastSeenAt"));
    assert!(row.get("instanceId").is_none());
    assert!(!listed.text.contains(code));

    covers(&[
        "tropic.register-local-instance.4",
        "tropic.register-local-instance.5",
    ]);
    covers(&["tropic.register-local-instance.3"]);
    for wrong in ["TRPC-0000-0000", "", "nonsense"] {
        assert_eq!(activate(rig, wrong).await.0, 404, "{wrong}");
    }
    let (status, active) = activate(rig, code).await;
    assert_eq!(status, 200, "{active}");
    assert_eq!(
        (&active["id"], &active["name"]),
        (&json!(instance), &json!("My MacBook"))
    );
    assert_eq!(
        (&active["type"], &active["status"]),
        (&json!("local"), &json!("active"))
    );
    assert!(active["nodeToken"].as_str().unwrap().len() > 30);
    assert_eq!(activate(rig, code).await.0, 404, "it works once");
    let row = ada.ok("list-instances", &[], None).await[0].clone();
    assert_eq!(row["status"], "active");
}

async fn an_instance_is_renamed_and_removed(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    let body = json!({ "name": "My MacBook", "description": "Local development machine" });
    let made = ada.ok("register-local-instance", &[], Some(body)).await;
    let instance = id(&made);
    assert_eq!(
        activate(rig, made["activationCode"].as_str().unwrap()).await.0,
        200
    );

    covers(&[
        "tropic.update-instance.1",
        "tropic.update-instance.2",
        "tropic.update-instance.3",
    ]);
    let body = json!({ "name": "Work Laptop" });
    let renamed = ada.ok("update-instance", &[&instance], Some(body)).await;
    let expected =
        json!({ "id": instance, "name": "Work Laptop", "description": "Local development machine" });
    assert_eq!(renamed, expected);
    let body = json!({ "description": null });
    let cleared = ada.ok("update-instance", &[&instance], Some(body)).await;
    assert_eq!(
        (&cleared["name"], &cleared["description"]),
        (&json!("Work Laptop"), &Value::Null)
    );
    let body = json!({ "description": "Office machine", "type": "ec2", "status": "pending" });
    ada.ok("update-instance", &[&instance], Some(body)).await;
    let row = ada.ok("list-instances", &[], None).await[0].clone();
    assert_eq!(
        (&row["status"], &row["type"]),
        (&json!("active"), &json!("local"))
    );
    assert_eq!(row["description"], "Office machine");
    for bad in [
        json!({ "name": "" }),
        json!({ "name": null }),
        json!({ "description": 1 }),
    ] {
        ada.fails("update-instance", &[&instance], Some(bad), 400).await;
    }

    covers(&["tropic.delete-instance.1", "tropic.delete-instance.3"]);
    let theirs = bob
        .ok("register-local-instance", &[], Some(json!({ "name": "theirs" })))
        .await;
    ada.fails(
        "update-instance",
        &[&id(&theirs)],
        Some(json!({ "name": "mine" })),
        403,
    )
    .await;
    ada.fails("delete-instance", &[&id(&theirs)], None, 403).await;
    bob.ok("delete-instance", &[&id(&theirs)], None).await;
    assert_eq!(bob.ok("list-instances", &[], None).await, json!([]));
    let code = theirs["activationCode"].as_str().unwrap();
    assert_eq!(activate(rig, code).await.0, 404, "its code went with it");
    let message = bob.fails("delete-instance", &[&id(&theirs)], None, 404).await;
    assert_eq!(message, format!("Instance {} not found", id(&theirs)));
    ada.fails(
        "update-instance",
        &["inst_absent0"],
        Some(json!({ "name": "a" })),
        404,
    )
    .await;
}

async fn the_vm_is_an_instance_too(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let laptop = id(&ada
        .ok("register-local-instance", &[], Some(json!({ "name": "laptop" })))
        .await);
    ada.running_vm().await;
    covers(&[
        "tropic.list-instances.1",
        "tropic.list-instances.3",
        "tropic.list-instances.5",
    ]);
    let rows = ada.ok("list-instances", &[], None).await;
    assert_eq!(each(&rows, "type"), ["ec2", "local"]);
    assert_eq!(each(&rows, "name"), ["Cloud VM", "laptop"]);
    assert_eq!(rows[1]["id"], laptop);
    let vm = ada.ok("get-vm-status", &[], None).await;
    assert_eq!(
        (&rows[0]["status"], &rows[0]["instanceId"]),
        (&vm["status"], &vm["instanceId"])
    );
    assert!(rows[0].get("lastSeenAt").is_none());
    let cloud = id(&rows[0]);
    ada.ok("update-instance", &[&cloud], Some(json!({ "name": "Mine" })))
        .await;
    ada.ok("stop-vm", &[], None).await;
    ada.becomes("get-vm-status", &[], "status", "stopped").await;
    let row = ada.ok("list-instances", &[], None).await[0].clone();
    assert_eq!(
        (&row["name"], &row["status"]),
        (&json!("Mine"), &json!("stopped"))
    );

    covers(&["tropic.delete-instance.2", "tropic.delete-instance.4"]);
    ada.running_vm().await;
    ada.ok("delete-instance", &[&cloud], None).await;
    assert_eq!(
        each(&ada.ok("list-instances", &[], None).await, "type"),
        ["local"]
    );
    assert_eq!(ada.ok("get-vm-status", &[], None).await["status"], "running");
    ada.ok("stop-vm", &[], None).await;
    ada.becomes("get-vm-status", &[], "status", "stopped").await;
    ada.running_vm().await;
    let rows = ada.ok("list-instances", &[], None).await;
    assert_eq!(each(&rows, "type"), ["ec2", "local"]);
    assert_eq!(rows[0]["name"], "Cloud VM");
}
