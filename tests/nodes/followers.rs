//! Process managers run on one node at a time; when that one dies, the other takes over.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    harness::{Account, LONG, Log, wait_until},
    two_nodes,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_happen_once_and_go_on_when_a_node_dies() {
    let Some((mut first, second)) = two_nodes().await else {
        return;
    };
    let account = Account::make(&second, "aquarium").await;
    let rules = account.policy("all may", "ALLOW: count").await;
    let here = first.client(Some(account.client.key()));
    let mut tasks = Vec::new();
    // Agents are deployed on one node and tasked on the other.
    for number in 0..4 {
        let body = json!({
            "name": format!("Agent {number}"), "policy_id": rules,
            "template_id": crate::harness::template_id(&here).await,
        });
        let agent = here.command("DeployAgent", body).await.ok().id();
        account.becomes("agents", &agent, "running").await;
        for task in 0..5 {
            tasks.push(account.submit(&agent, &format!("count to {task}")).await);
        }
    }
    for task in &tasks {
        account.becomes("tasks", task, "completed").await;
    }

    // A node dies, whichever it is that held the leases; the other has them soon.
    first.kill();
    let agents = account.client.list("agents", "").await;
    let agent = agents[0]["id"].as_str().expect("an agent has an id");
    let late = account.submit(agent, "count to a hundred").await;
    account.becomes("tasks", &late, "completed").await;
    account.running_agent("Late", None).await;
    first.start_again().await;
    let later = account.submit(agent, "count to a thousand").await;
    account.becomes("tasks", &later, "completed").await;

    let log = Log::read(&second.operator()).await;
    for kind in ["TaskCompleted", "RuntimeRequested"] {
        let counts = log.count_by_aggregate(kind);
        assert!(counts.values().all(|count| *count == 1), "{kind}: {counts:?}");
    }
    assert_eq!(log.of_type("TaskCompleted").count(), tasks.len() + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_follower_is_active_on_one_node() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    wait_until("each follower is active on exactly one node", LONG, async || {
        let mut active: BTreeMap<String, u32> = BTreeMap::new();
        for node in [&first, &second] {
            let metrics = node.operator().get("/metrics").await.ok().text;
            for line in metrics
                .lines()
                .filter(|line| line.starts_with("reef_follower_active{"))
            {
                let (name, value) = line.rsplit_once(' ')?;
                *active.entry(name.to_owned()).or_default() += u32::from(value == "1");
            }
        }
        (!active.is_empty() && active.values().all(|count| *count == 1)).then_some(())
    })
    .await;
}
