//! Dispatchers that stop, die, and are several.

use std::{collections::HashMap, time::Duration};

use super::stage::{Reply, Stage};
use crate::{
    delivery::DispatchConfig,
    ports::{Checkpoints as _, Lease, WEBHOOK_DISPATCHER},
};

fn never_saves() -> DispatchConfig {
    DispatchConfig {
        save_every: Duration::from_hours(1000),
        ..DispatchConfig::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_dispatcher_that_stops_repeats_nothing() {
    let stage = Stage::new().await;
    stage.webhook("https://a/").await;
    stage
        .receiver
        .always("https://a/", Reply::Slow(Duration::from_millis(100), 200));
    let node = stage.start_with(never_saves());
    let mut positions = stage.policies(100).await;
    stage
        .until("some", async || stage.got("https://a/").len() > 20)
        .await;
    node.stop().await;
    assert!(stage.got("https://a/").len() < 100);
    positions.extend(stage.policies(20).await);
    let node = stage.start_as("node-2", DispatchConfig::default());
    stage.until_delivered("https://a/", &positions).await;
    node.stop().await;
    assert_eq!(stage.tries("https://a/"), 120, "each once");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_kept_before_a_crash_is_sent_again_with_its_id() {
    let stage = Stage::new().await;
    stage.webhook("https://a/").await;
    let node = stage.start_with(never_saves());
    let positions = stage.policies(100).await;
    stage.until_delivered("https://a/", &positions).await;
    node.kill().await;
    // The dead one's lease has to lapse.
    let node = stage.start_as("node-2", DispatchConfig::default());
    stage
        .until("again", async || stage.got("https://a/").len() == 200)
        .await;
    node.stop().await;
    let mut ids: HashMap<u64, Vec<String>> = HashMap::new();
    for got in stage.got("https://a/") {
        ids.entry(got.position).or_default().push(got.id);
    }
    assert_eq!(ids.len(), 100);
    assert!(ids.values().all(|ids| ids.len() == 2 && ids[0] == ids[1]));
}

#[tokio::test(start_paused = true)]
async fn retries_live_through_a_crash() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    stage.receiver.fail_each_once("https://a/");
    let config = DispatchConfig {
        trouble_after: 1000,
        ..DispatchConfig::default()
    };
    let node = stage.start_with(config.clone());
    let positions = stage.policies(30).await;
    stage
        .until("waiting", async || stage.standing(&hook).await.waiting == 30)
        .await;
    node.kill().await;
    assert_eq!(stage.got("https://a/").len(), 0);
    let node = stage.start_as("node-2", config);
    stage.until_delivered("https://a/", &positions).await;
    node.stop().await;
    assert_eq!(stage.tries("https://a/"), 60, "two tries each");
    assert_eq!(stage.standing(&hook).await.waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn trouble_lives_through_a_crash() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    stage.receiver.always("https://a/", Reply::Refuse);
    let node = stage.start();
    let positions = stage.policies(200).await;
    stage
        .until("trouble", async || stage.standing(&hook).await.in_trouble)
        .await;
    let since = stage.standing(&hook).await.failing_since;
    node.kill().await;
    let tries = stage.tries("https://a/");
    let node = stage.start_as("node-2", DispatchConfig::default());
    stage.pass(Duration::from_mins(2)).await;
    assert!(stage.tries("https://a/") - tries < 40, "it is still left alone");
    assert_eq!(stage.standing(&hook).await.failing_since, since);
    stage.receiver.always("https://a/", Reply::Status(200));
    stage.until_delivered("https://a/", &positions).await;
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_dispatcher_is_active_at_a_time() {
    let stage = Stage::new().await;
    stage.webhook("https://a/").await;
    let first = stage.start_as("node-1", DispatchConfig::default());
    let second = stage.start_as("node-2", DispatchConfig::default());
    let positions = stage.policies(200).await;
    stage.until_delivered("https://a/", &positions).await;
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(stage.tries("https://a/"), 200, "none by both");
    first.stop().await;
    let more = stage.policies(50).await;
    stage.until_delivered("https://a/", &more).await;
    second.stop().await;
    assert_eq!(stage.tries("https://a/"), 250);
}

#[tokio::test(start_paused = true)]
async fn one_that_lost_its_lease_keeps_nothing_and_stops() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    let config = DispatchConfig {
        save_every: Duration::from_secs(2),
        ..DispatchConfig::default()
    };
    let node = stage.start_as("node-1", config);
    let positions = stage.policies(10).await;
    stage.until_delivered("https://a/", &positions).await;
    // Taken away from it, as if it had been stopped for longer than its lease.
    let store = &stage.world.store;
    let stolen = Lease {
        name: WEBHOOK_DISPATCHER.to_owned(),
        fence: 1,
    };
    store.release(&stolen).await.unwrap();
    let ttl = Duration::from_secs(30);
    let held = store.acquire(WEBHOOK_DISPATCHER, "node-2", ttl).await.unwrap();
    assert!(held.is_some());
    let kept = stage.tracks(&hook).await;
    stage.pass(Duration::from_secs(6)).await;
    assert_eq!(
        stage.tracks(&hook).await,
        kept,
        "nothing was kept with the lost lease"
    );
    let more = stage.policies(10).await;
    stage.pass(Duration::from_secs(10)).await;
    assert_eq!(stage.tries("https://a/"), 10, "it delivers no more");
    // The other one's lease lapses, and it goes on where the kept cursor says.
    stage.until_delivered("https://a/", &more).await;
    node.stop().await;
}
