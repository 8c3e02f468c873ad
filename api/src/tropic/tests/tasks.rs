//! Agent tasks.

use serde_json::json;

use super::{
    client::{Tropic, each, id},
    covers, on_both_databases,
};
use crate::rig::Rig;

on_both_databases!(
    tasks_wait_for_the_vm,
    rules_decide_what_happens,
    without_a_policy_bundles_decide,
    tasks_are_listed,
    two_decisions_racing_one_wins,
    another_users_tasks_are_forbidden
);

const RULES: &str = "ALLOW: list files\nREQUIRE CONFIRM: send email\nDENY: delete database";

async fn tasks_wait_for_the_vm(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy(RULES).await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;

    covers(&[
        "tropic.submit-task.1",
        "tropic.submit-task.4",
        "tropic.submit-task.6",
        "tropic.submit-task.8",
    ]);
    let body = json!({ "description": "list files in the workspace" });
    let made = ada.ok("submit-task", &[&agent], Some(body)).await;
    let task = id(&made);
    assert!(task.starts_with("task_") && task.len() == 13, "{task}");
    assert_eq!(
        (&made["agentId"], &made["status"]),
        (&json!(agent), &json!("pending"))
    );
    let shown = ada.ok("get-task", &[&task], None).await;
    assert_eq!(
        shown["events"],
        json!([{ "status": "pending", "timestamp": made["createdAt"] }])
    );
    assert_eq!(shown["status"], "pending");

    covers(&["tropic.submit-task.2", "tropic.get-task.1", "tropic.get-task.2"]);
    ada.running_vm().await;
    let done = ada.task_becomes(&task, "completed").await;
    assert_eq!(
        each(&done["events"], "status"),
        ["pending", "running", "completed"]
    );

    for bad in [
        json!({}),
        json!({ "description": "" }),
        json!({ "description": " \n" }),
        json!({ "description": 1 }),
    ] {
        ada.fails("submit-task", &[&agent], Some(bad), 400).await;
    }
    let long = json!({ "description": "x".repeat(10_001) });
    ada.fails("submit-task", &[&agent], Some(long), 400).await;
    ada.ok("stop-agent", &[&agent], None).await;
    ada.fails(
        "submit-task",
        &[&agent],
        Some(json!({ "description": "list files" })),
        400,
    )
    .await;
    let body = json!({ "description": "list files" });
    assert_eq!(
        ada.fails("submit-task", &["agt_absent00"], Some(body), 404).await,
        "Agent agt_absent00 not found"
    );
}

async fn rules_decide_what_happens(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy(RULES).await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    ada.running_vm().await;

    covers(&[
        "tropic.submit-task.3",
        "tropic.approve-task.1",
        "tropic.approve-task.3",
        "tropic.approve-task.4",
    ]);
    covers(&["tropic.get-task.3"]);
    let task = ada.task(&agent, "send email to the team").await;
    ada.task_becomes(&task, "awaiting_approval").await;
    let approved = ada.ok("approve-task", &[&task], None).await;
    assert_eq!(approved, json!({ "id": task, "status": "running" }));
    let done = ada.task_becomes(&task, "completed").await;
    assert_eq!(
        each(&done["events"], "status"),
        ["pending", "running", "awaiting_approval", "running", "completed"]
    );

    covers(&["tropic.approve-task.2", "tropic.reject-task.4"]);
    ada.fails("approve-task", &[&task], None, 400).await;
    ada.fails("reject-task", &[&task], None, 400).await;
    assert_eq!(ada.ok("get-task", &[&task], None).await, done);

    covers(&[
        "tropic.reject-task.1",
        "tropic.reject-task.2",
        "tropic.reject-task.3",
        "tropic.get-task.4",
    ]);
    let task = ada.task(&agent, "send email to everybody").await;
    ada.task_becomes(&task, "awaiting_approval").await;
    let rejected = ada.ok("reject-task", &[&task], None).await;
    assert_eq!(rejected, json!({ "id": task, "status": "rejected" }));
    ada.fails("approve-task", &[&task], None, 400).await;
    let shown = ada.ok("get-task", &[&task], None).await;
    assert_eq!(each(&shown["events"], "status").last(), Some(&"rejected"));
    assert!(
        !ada.events("task", &task)
            .await
            .contains(&"TaskCompleted".to_owned())
    );

    covers(&["tropic.submit-task.5", "tropic.x.13"]);
    let task = ada.task(&agent, "delete database of the customer").await;
    let failed = ada.task_becomes(&task, "failed").await;
    assert!(!each(&failed["events"], "status").contains(&"completed"));
    let task = ada.task(&agent, "list files and delete database").await;
    ada.task_becomes(&task, "failed").await;
    let task = ada.task(&agent, "list files and send email").await;
    ada.task_becomes(&task, "awaiting_approval").await;
    let task = ada.task(&agent, "paint the fence").await;
    ada.task_becomes(&task, "awaiting_approval").await;
}

async fn without_a_policy_bundles_decide(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let agent = ada.agent("Clownfish", None).await;
    ada.ok(
        "update-agent-policy",
        &[&agent],
        Some(json!({ "policyId": null })),
    )
    .await;
    ada.running_vm().await;
    let bundles = json!({ "bundles": ["browser-search"] });
    ada.ok("update-command-bundles", &[], Some(bundles)).await;
    covers(&["tropic.x.13"]);
    let task = ada.task(&agent, "browse websites about fish").await;
    ada.task_becomes(&task, "completed").await;
    let task = ada.task(&agent, "run shell commands").await;
    ada.task_becomes(&task, "failed").await;
}

async fn tasks_are_listed(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    let (one, two) = (ada.agent("1", None).await, ada.agent("2", None).await);
    let long = "read ".repeat(1000);
    let first = ada.task(&one, &long).await;
    let second = ada.task(&two, "b").await;
    let third = ada.task(&one, "c").await;
    let theirs = bob.agent("theirs", None).await;
    bob.task(&theirs, "d").await;

    covers(&[
        "tropic.list-tasks.1",
        "tropic.list-tasks.3",
        "tropic.list-tasks.4",
        "tropic.list-tasks.5",
    ]);
    let listed = ada.ok("list-tasks", &[], None).await;
    assert_eq!(each(&listed, "id"), [&*third, &*second, &*first]);

    covers(&[
        "tropic.list-agent-tasks.1",
        "tropic.list-agent-tasks.3",
        "tropic.list-agent-tasks.4",
    ]);
    let of_one = ada.ok("list-agent-tasks", &[&one], None).await;
    assert_eq!(each(&of_one, "id"), [&*third, &*first]);
    assert_eq!(of_one[1]["description"], long);

    covers(&["tropic.list-agent-tasks.2"]);
    assert_eq!(of_one[0]["updatedAt"], of_one[0]["createdAt"]);

    covers(&["tropic.list-tasks.2", "tropic.list-tasks.6"]);
    ada.running_vm().await;
    ada.task_becomes(&second, "awaiting_approval").await;
    let with = async |status: &str| {
        ada.call_with("list-tasks", &[], None, &format!("?status={status}"))
            .await
    };
    let waiting = with("awaiting_approval").await.body;
    assert!(each(&waiting, "id").contains(&&*second));
    assert!(
        each(&waiting, "status")
            .iter()
            .all(|status| *status == "awaiting_approval")
    );
    assert_eq!(with("completed").await.body, json!([]));
    let row = waiting
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == *second)
        .unwrap()
        .clone();
    let shown = ada.ok("get-task", &[&second], None).await;
    assert_eq!(
        row["updatedAt"],
        shown["events"].as_array().unwrap().last().unwrap()["timestamp"]
    );
    for unknown in ["done", "", "Pending", "pending,running"] {
        assert_eq!(with(unknown).await.status, 400, "{unknown}");
    }
}

async fn two_decisions_racing_one_wins(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let policy = ada.policy(RULES).await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    ada.running_vm().await;
    covers(&["tropic.approve-task.5"]);
    for number in 0..5 {
        let task = ada.task(&agent, &format!("send email {number}")).await;
        ada.task_becomes(&task, "awaiting_approval").await;
        let (args, other) = (
            [&*task],
            if number % 2 == 0 {
                "reject-task"
            } else {
                "approve-task"
            },
        );
        let (one, two) = tokio::join!(
            ada.call("approve-task", &args, None),
            ada.call(other, &args, None)
        );
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{} {}", one.text, two.text);
    }
}

async fn another_users_tasks_are_forbidden(rig: &Rig) {
    covers(&["tropic.x.10"]);
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    let agent = ada.agent("Clownfish", None).await;
    let task = ada.task(&agent, "mine").await;
    for endpoint in ["get-task", "approve-task", "reject-task"] {
        let message = bob.fails(endpoint, &[&task], None, 403).await;
        assert_eq!(message, format!("Task {task} belongs to another user"));
        let message = bob.fails(endpoint, &["task_absent0"], None, 404).await;
        assert_eq!(message, "Task task_absent0 not found");
    }
}
