//! What reaches a running VM at once, with its next push, or with its next start.

use std::time::Duration;

use serde_json::json;

use super::{client::Tropic, covers, on_both_databases};
use crate::rig::Rig;

on_both_databases!(
    rules_reach_the_vm_with_the_next_push,
    settings_reach_the_vm_at_once_or_with_its_start,
    a_deleted_agent_leaves_the_vm
);

/// How often that happened to the aggregate.
async fn times(user: &Tropic<'_>, kind: &str, id: &str, event: &str) -> usize {
    let events = user.events(kind, id).await;
    events.iter().filter(|known| *known == event).count()
}

/// Waits until it has happened so often.
async fn happens(user: &Tropic<'_>, kind: &str, id: &str, event: &str, count: usize) {
    let started = std::time::Instant::now();
    while times(user, kind, id, event).await < count {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{event} does not happen {count} times"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Has the agent list files; what becomes of it.
async fn lists_files(user: &Tropic<'_>, agent: &str, expected: &str) {
    let task = user.task(agent, "list files in the workspace").await;
    user.task_becomes(&task, expected).await;
}

async fn rules_reach_the_vm_with_the_next_push(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy("ALLOW: list files").await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    ada.running_vm().await;
    ada.becomes("get-agent", &[&agent], "status", "ready").await;
    lists_files(&ada, &agent, "completed").await;

    covers(&["tropic.update-policy.2", "tropic.x.12"]);
    let deny = json!({ "rules": "DENY: list files" });
    ada.ok("update-policy", &[&policy], Some(deny)).await;
    lists_files(&ada, &agent, "completed").await;

    covers(&["tropic.update-agent-policy.3", "tropic.update-agent-policy.6"]);
    let attached = times(&ada, "agent", &agent, "AgentPolicyAttached").await;
    let pushed = times(&ada, "agent", &agent, "AgentPushed").await;
    let same = json!({ "policyId": policy });
    ada.ok("update-agent-policy", &[&agent], Some(same)).await;
    happens(&ada, "agent", &agent, "AgentPushed", pushed + 1).await;
    lists_files(&ada, &agent, "failed").await;
    assert_eq!(
        times(&ada, "agent", &agent, "AgentPolicyAttached").await,
        attached
    );
    let other = ada.policy("ALLOW: list files").await;
    let other = json!({ "policyId": other });
    ada.ok("update-agent-policy", &[&agent], Some(other)).await;
    happens(&ada, "agent", &agent, "AgentPushed", pushed + 2).await;
    lists_files(&ada, &agent, "completed").await;
    let policy = ada.ok("get-agent", &[&agent], None).await["policyId"]
        .as_str()
        .unwrap()
        .to_owned();

    covers(&["tropic.x.12"]);
    let deny = json!({ "rules": "DENY: list files" });
    ada.ok("update-policy", &[&policy], Some(deny)).await;
    ada.ok("stop-vm", &[], None).await;
    ada.becomes("get-vm-status", &[], "status", "stopped").await;
    ada.running_vm().await;
    lists_files(&ada, &agent, "failed").await;

    covers(&["tropic.delete-policy.6"]);
    ada.ok(
        "update-command-bundles",
        &[],
        Some(json!({ "bundles": ["os-commands"] })),
    )
    .await;
    ada.ok("delete-policy", &[&policy], None).await;
    assert_eq!(ada.ok("get-agent", &[&agent], None).await["status"], "ready");
}

async fn settings_reach_the_vm_at_once_or_with_its_start(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let pushed = async |event: &str| times(&ada, "settings", &ada.user, event).await;

    covers(&[
        "tropic.update-command-bundles.3",
        "tropic.update-firewall-rules.4",
    ]);
    let rules = json!({ "rules": { "80": ["0.0.0.0/0"] } });
    ada.ok("update-firewall-rules", &[], Some(rules)).await;
    ada.ok(
        "update-command-bundles",
        &[],
        Some(json!({ "bundles": ["browser-search"] })),
    )
    .await;
    assert_eq!(
        (pushed("SettingsPushed").await, pushed("FirewallApplied").await),
        (0, 0)
    );
    ada.running_vm().await;
    happens(&ada, "settings", &ada.user, "SettingsPushed", 1).await;
    happens(&ada, "settings", &ada.user, "FirewallApplied", 1).await;

    covers(&[
        "tropic.update-command-bundles.2",
        "tropic.update-firewall-rules.3",
    ]);
    let (settings, firewall) = (pushed("SettingsPushed").await, pushed("FirewallApplied").await);
    ada.ok("update-command-bundles", &[], Some(json!({ "bundles": [] })))
        .await;
    happens(&ada, "settings", &ada.user, "SettingsPushed", settings + 1).await;
    let rules = json!({ "rules": { "443": ["0.0.0.0/0"] } });
    ada.ok("update-firewall-rules", &[], Some(rules)).await;
    happens(&ada, "settings", &ada.user, "FirewallApplied", firewall + 1).await;
}

async fn a_deleted_agent_leaves_the_vm(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let agent = ada.agent("Clownfish", None).await;
    ada.running_vm().await;
    ada.becomes("get-agent", &[&agent], "status", "ready").await;
    covers(&["tropic.delete-agent.4"]);
    ada.ok("delete-agent", &[&agent], None).await;
    // Recorded once the runtime has given the agent up.
    happens(&ada, "agent", &agent, "AgentDeleted", 1).await;
}
