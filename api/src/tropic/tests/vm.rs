//! The VM and its gateway.

use serde_json::{Value, json};

use super::{
    client::{Tropic, each, id, request},
    covers, on_both_databases,
};
use crate::{client::Peer, rig::Rig};

on_both_databases!(
    a_vm_is_made_stopped_and_started_again,
    two_starts_make_one_vm,
    a_gateway_restarts_alone,
    what_runs_when_the_vm_stops
);

/// Starts the VM as from that address.
async fn start_from(user: &Tropic<'_>, address: &str) -> Value {
    let path = format!("/vm/{}/start", user.user);
    let mut request = request(&user.key, "POST", &path, None);
    let peer = format!("{address}:4000").parse().unwrap();
    request.extensions_mut().insert(Peer(peer));
    user.rig.send(request).await.ok().body
}

async fn a_vm_is_made_stopped_and_started_again(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.get-vm-status.3", "tropic.stop-vm.3"]);
    let none = json!({ "status": "stopped", "instanceId": null, "publicIp": null, "region": null });
    assert_eq!(ada.ok("get-vm-status", &[], None).await, none);
    assert_eq!(ada.ok("stop-vm", &[], None).await, json!({ "status": "stopped" }));
    ada.fails("restart-gateway", &[], None, 400).await;

    covers(&[
        "tropic.start-vm.1",
        "tropic.start-vm.4",
        "tropic.start-vm.5",
        "tropic.get-vm-status.1",
    ]);
    let agent = ada.agent("Clownfish", None).await;
    let made = start_from(&ada, "203.0.113.45").await;
    assert_eq!(made["status"], "provisioning");
    let name = made["instanceId"].as_str().unwrap().to_owned();
    let rules = ada.ok("get-firewall-rules", &[], None).await;
    assert_eq!(rules["rules"]["22"], json!(["203.0.113.45/32"]));
    let running = ada.becomes("get-vm-status", &[], "status", "running").await;
    assert_eq!(running["instanceId"], name);

    covers(&[
        "tropic.start-vm.6",
        "tropic.start-vm.7",
        "tropic.start-vm.9",
        "tropic.start-vm.3",
    ]);
    ada.becomes("get-agent", &[&agent], "status", "ready").await;
    let events = ada.ok("list-instances", &[], None).await;
    let rows = events.as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["type"], &rows[0]["instanceId"]),
        (&json!("ec2"), &json!(name))
    );
    let again = start_from(&ada, "203.0.113.99").await;
    assert_eq!(again, json!({ "status": "running", "instanceId": name }));
    let rules = ada.ok("get-firewall-rules", &[], None).await;
    assert_eq!(
        rules["rules"]["22"],
        json!(["203.0.113.45/32"]),
        "a call that changes nothing changes nothing"
    );

    covers(&[
        "tropic.stop-vm.1",
        "tropic.stop-vm.2",
        "tropic.get-vm-status.2",
        "tropic.get-vm-status.4",
    ]);
    assert_eq!(ada.ok("stop-vm", &[], None).await["status"], "stopping");
    let status = ada.ok("get-vm-status", &[], None).await;
    assert!(["stopping", "stopped"].contains(&status["status"].as_str().unwrap()));
    assert_eq!(status["publicIp"], Value::Null);
    let stopped = ada.becomes("get-vm-status", &[], "status", "stopped").await;
    assert_eq!(stopped["instanceId"], name);
    assert_eq!(ada.ok("stop-vm", &[], None).await["status"], "stopped");

    covers(&["tropic.stop-vm.6"]);
    assert_eq!(ada.ok("get-agent", &[&agent], None).await["status"], "ready");
    let later = ada.agent("deployed while it is stopped", None).await;
    assert_eq!(
        ada.ok("get-agent", &[&later], None).await["status"],
        "provisioning"
    );

    covers(&["tropic.start-vm.2", "tropic.update-firewall-rules.6"]);
    let restarted = start_from(&ada, "198.51.100.7").await;
    assert_eq!(restarted, json!({ "status": "starting", "instanceId": name }));
    let rules = ada.ok("get-firewall-rules", &[], None).await;
    assert_eq!(rules["rules"]["22"], json!(["198.51.100.7/32"]));
    ada.becomes("get-vm-status", &[], "status", "running").await;
    ada.becomes("get-agent", &[&later], "status", "ready").await;
    let replaced = json!({ "rules": { "80": ["0.0.0.0/0"] } });
    ada.ok("update-firewall-rules", &[], Some(replaced)).await;
    assert_eq!(
        ada.ok("get-firewall-rules", &[], None).await["rules"]["22"],
        json!([])
    );
}

async fn two_starts_make_one_vm(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let starts = futures::future::join_all((0..4).map(|_| ada.ok("start-vm", &[], None))).await;
    let names: std::collections::BTreeSet<_> = starts
        .iter()
        .map(|start| start["instanceId"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 1, "{starts:?}");
    ada.becomes("get-vm-status", &[], "status", "running").await;
    assert_eq!(
        ada.ok("list-instances", &[], None)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn a_gateway_restarts_alone(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.get-gateway-status.3"]);
    let down = json!({ "gatewayStatus": "stopped", "uptime": 0 });
    assert_eq!(ada.ok("get-gateway-status", &[], None).await, down);
    ada.running_vm().await;

    covers(&["tropic.get-gateway-status.1", "tropic.get-gateway-status.2"]);
    let up = ada
        .becomes("get-gateway-status", &[], "gatewayStatus", "running")
        .await;
    assert!(up["uptime"].as_u64().unwrap() < 60, "{up}");

    covers(&[
        "tropic.restart-gateway.1",
        "tropic.restart-gateway.2",
        "tropic.restart-gateway.3",
    ]);
    let started = std::time::Instant::now();
    while ada.ok("get-gateway-status", &[], None).await["uptime"]
        .as_u64()
        .unwrap()
        < 2
    {
        assert!(started.elapsed() < std::time::Duration::from_secs(30));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        ada.ok("restart-gateway", &[], None).await,
        json!({ "status": "restarting" })
    );
    let up = ada
        .becomes("get-gateway-status", &[], "gatewayStatus", "running")
        .await;
    assert!(up["uptime"].as_u64().unwrap() < 2, "{up} counts from the restart");
    assert_eq!(ada.ok("get-vm-status", &[], None).await["status"], "running");
    let runtime = rig.get(&ada.key, "/v1/views/runtimes").await.ok().body["data"][0].clone();
    assert_eq!(runtime["run"], 1);
    ada.ok("stop-vm", &[], None).await;
    ada.becomes("get-gateway-status", &[], "gatewayStatus", "stopped")
        .await;
    ada.fails("restart-gateway", &[], None, 400).await;
}

async fn what_runs_when_the_vm_stops(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy("ALLOW: list files\nREQUIRE CONFIRM: send email").await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    ada.running_vm().await;
    let waiting = ada.task(&agent, "send email to the team").await;
    ada.task_becomes(&waiting, "awaiting_approval").await;
    ada.ok("stop-vm", &[], None).await;
    ada.becomes("get-vm-status", &[], "status", "stopped").await;

    covers(&["tropic.stop-vm.5"]);
    assert_eq!(
        ada.ok("get-task", &[&waiting], None).await["status"],
        "awaiting_approval"
    );
    let pending = ada.task(&agent, "list files").await;
    assert_eq!(ada.ok("get-task", &[&pending], None).await["status"], "pending");
    ada.running_vm().await;
    ada.task_becomes(&pending, "completed").await;
    ada.ok("approve-task", &[&waiting], None).await;
    ada.task_becomes(&waiting, "completed").await;

    covers(&["tropic.stop-agent.4"]);
    let open = ada.task(&agent, "send email again").await;
    ada.task_becomes(&open, "awaiting_approval").await;
    ada.ok("stop-agent", &[&agent], None).await;
    let failed = ada.task_becomes(&open, "failed").await;
    assert_eq!(each(&failed["events"], "status").last(), Some(&"failed"));
    ada.fails("approve-task", &[&open], None, 400).await;
    assert!(id(&failed).starts_with("task_"));
}
