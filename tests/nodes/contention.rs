//! Both nodes write at once: positions stay gap-free, and count = highest position = head.

use serde_json::{Value, json};

use crate::{
    harness::{Account, Client, Log, rebuilt_views_are_equal},
    two_nodes,
};

const WRITERS: usize = 8;
const COMMANDS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn count_is_highest_position_is_head() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    let account = Account::make(&first, "aquarium").await;
    let shared = account.policy("of everybody", "ALLOW: read").await;
    let mut writers = tokio::task::JoinSet::new();
    for node in [&first, &second] {
        for writer in 0..WRITERS {
            let client = node.client(Some(account.client.key()));
            writers.spawn(write(client, shared.clone(), format!("{}/{writer}", node.base())));
        }
    }
    let mut answers = Vec::new();
    while let Some(done) = writers.join_next().await {
        answers.extend(done.expect("every command is carried out"));
    }
    assert_eq!(answers.len(), 2 * WRITERS * COMMANDS);

    let log = Log::read(&second.operator()).await;
    for answer in &answers {
        log.holds(answer);
    }
    let count = log.0.len() as u64;
    let highest = log.0.last().and_then(|event| event["position"].as_u64());
    let checkpoint = first.operator().get("/v1/log/checkpoint").await.ok().text;
    let head = checkpoint.lines().nth(1).and_then(|line| line.parse().ok());
    assert_eq!(
        (Some(count), highest),
        (head, head),
        "count = highest position = head"
    );
    let updates = log
        .of_type("PolicyUpdated")
        .filter(|event| event["aggregateid"] == shared.as_str())
        .count();
    assert_eq!(
        updates,
        2 * WRITERS * COMMANDS / 2,
        "no change of the shared policy is lost or doubled"
    );
    first.reef(&["verify"]).await.ok();
    rebuilt_views_are_equal(&second).await;
}

async fn write(client: Client, shared: String, name: String) -> Vec<Value> {
    let mut answers = Vec::new();
    for number in 0..COMMANDS {
        let name = format!("{name}/{number}");
        let (command, body) = if number % 2 == 0 {
            ("UpdatePolicy", json!({ "policy_id": shared, "name": name }))
        } else {
            ("CreatePolicy", json!({ "name": name, "rules": "ALLOW: read" }))
        };
        answers.push(client.command(command, body).await.ok().body);
    }
    answers
}
