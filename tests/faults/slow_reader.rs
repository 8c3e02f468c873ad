//! A feed client that reads nothing holds up neither commands nor other clients. It may be cut off, and
//! then goes on where it was: it misses nothing either.

use serde_json::json;

use crate::harness::{Account, Database, Heard, Server};

/// With the rules of each, far more than the buffers between server and client hold.
const COMMANDS: usize = 1_000;
const END: &str = "the end";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_harms_nobody() {
    let server = Server::start(&Database::sqlite()).await;
    let account = Account::make(&server, "aquarium").await;
    let operator = server.operator();
    let mut slow = operator.follow(0).await;
    // It has heard what there is, and stops reading.
    let mut heard = slow.up_to(operator.last_position().await).await;
    let mut quick = operator.follow(0).await;
    let quick = tokio::spawn(async move { quick.until(is_the_end).await });

    let rules = "ALLOW: read\n".repeat(700);
    for number in 0..COMMANDS {
        let body = json!({ "name": format!("policy {number}"), "rules": rules });
        account.client.command("CreatePolicy", body).await.ok();
    }
    account.policy(END, "ALLOW: read").await;
    let quick = quick.await.expect("the quick reader hears the end");
    in_order(&quick);

    while !heard.last().is_some_and(is_the_end) {
        match slow.next().await {
            Some(event) => heard.push(event),
            None => {
                slow = operator
                    .reconnect(&heard.last().expect("it heard something").id)
                    .await;
            }
        }
    }
    in_order(&heard);
    assert_eq!(heard, quick);
}

fn is_the_end(event: &Heard) -> bool {
    event.data["data"]["name"] == END
}

#[track_caller]
fn in_order(heard: &[Heard]) {
    for (event, expected) in heard.iter().zip(1..) {
        assert_eq!(event.position(), expected, "missed or repeated");
    }
}
