//! The database is stopped and started under load: requests fail clearly, then succeed, and nothing is lost.

use super::load::Load;
use crate::harness::{
    Account, Client, Cluster, Database, Heard, LONG, Log, Server, left_out, rebuilt_views_are_equal,
    wait_until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_stops_and_starts_under_load() {
    let Some(cluster) = Cluster::start() else {
        return left_out("PostgreSQL stopped under load", "initdb is not to be found");
    };
    let server = Server::start(&Database::at(cluster.url())).await;
    let account = Account::make(&server, "aquarium").await;
    let load = Load::prepare(&account).await;
    let operator = server.operator();
    let following = tokio::spawn(follow_until_told(operator.clone()));

    for _ in 0..2 {
        let writers = load.start();
        let (acknowledged, refused) = (load.acknowledged() + 100, load.unavailable() + 16);
        wait_until("the load goes on", LONG, async || {
            (load.acknowledged() >= acknowledged).then_some(())
        })
        .await;
        tokio::task::block_in_place(|| cluster.crash());
        wait_until("requests fail clearly", LONG, async || {
            (load.unavailable() >= refused).then_some(())
        })
        .await;
        assert_eq!(
            operator.get("/healthz").await.status,
            200,
            "the process itself is well"
        );
        assert_eq!(operator.get("/readyz").await.status, 503, "but not ready");
        operator
            .get("/v1/views/policies")
            .await
            .problem(503, "unavailable");

        tokio::task::block_in_place(|| cluster.resume());
        let acknowledged = load.acknowledged() + 100;
        wait_until("requests succeed again", LONG, async || {
            (load.acknowledged() >= acknowledged).then_some(())
        })
        .await;
        assert_eq!(operator.get("/readyz").await.status, 200);
        load.stop();
        writers.end().await;
        load.finish_open().await;
        load.repeat_last(4).await;
    }

    let end = account
        .client
        .command(
            "CreatePolicy",
            serde_json::json!({ "name": END, "rules": "ALLOW: read" }),
        )
        .await;
    let end = end.ok().position();
    let heard = following.await.expect("the follower hears the end");
    let positions: Vec<u64> = heard.iter().map(Heard::position).collect();
    assert_eq!(
        positions,
        (1..=end).collect::<Vec<_>>(),
        "a follower missed or repeated something"
    );

    wait_until("every task is completed", LONG, async || {
        let open = account
            .client
            .list("tasks", "")
            .await
            .into_iter()
            .filter(|task| task["status"] != "completed");
        (open.count() == 0).then_some(())
    })
    .await;
    let log = Log::read(&operator).await;
    load.is_in(&log);
    assert!(
        log.count_by_aggregate("TaskCompleted")
            .values()
            .all(|count| *count == 1)
    );
    rebuilt_views_are_equal(&server).await;
    assert!(!server.said().contains("panicked"), "{}", server.said());
}

const END: &str = "the end";

/// Follows the feed, coming back with the last id whenever it is cut off, until the last policy is there.
async fn follow_until_told(operator: Client) -> Vec<Heard> {
    let mut heard: Vec<Heard> = Vec::new();
    loop {
        let last = heard.last().map_or("0".to_owned(), |last| last.id.clone());
        let mut feed = operator.reconnect(&last).await;
        while let Some(event) = feed.next().await {
            let is_the_end = event.data["data"]["name"] == END;
            heard.push(event);
            if is_the_end {
                return heard;
            }
        }
    }
}
