//! The dispatcher over every port in memory, with receivers that do as they are told and time that is paused.

mod asked;
mod crashes;
mod failing;
mod stage;
mod switching;

use std::time::Duration;

use self::stage::{Reply, Stage};
use super::DispatchConfig;

#[tokio::test(start_paused = true)]
async fn every_event_that_matches_is_delivered_once() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    let other = stage.webhook_for("https://b/", &["PolicyDeleted"]).await;
    let node = stage.start();
    let positions = stage.policies(300).await;
    stage.until_delivered("https://a/", &positions).await;
    assert_eq!(stage.got("https://a/").len(), 300, "each once");
    assert_eq!(stage.got("https://b/").len(), 0);
    let first = &stage.got("https://a/")[0];
    assert_eq!(first.id, format!("dlv_{hook}_{}", positions[0]));
    assert!(
        first.body.contains("\"type\":\"PolicyCreated\""),
        "{}",
        first.body
    );
    assert!(first.body.contains(&format!("\"position\":{}", positions[0])));
    node.stop().await;
    for id in [hook, other] {
        let standing = stage.standing(&id).await;
        assert_eq!(
            (standing.lag, standing.waiting, standing.in_trouble),
            (0, 0, false)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_delivery_that_fails_once_is_made_again_with_its_id() {
    let stage = Stage::new().await;
    stage.webhook("https://a/").await;
    stage.receiver.fail_each_once("https://a/");
    let node = stage.start_with(DispatchConfig {
        trouble_after: 1000,
        ..DispatchConfig::default()
    });
    let positions = stage.policies(40).await;
    stage.until_delivered("https://a/", &positions).await;
    assert_eq!(stage.tries("https://a/"), 80);
    for position in positions {
        let tries = stage.tries_of("https://a/", position);
        assert_eq!(tries.len(), 2);
        let gap = (tries[1] - tries[0]).num_milliseconds();
        assert!((4500..6000).contains(&gap), "{gap} ms");
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn lanes_do_not_wait_for_each_other() {
    let stage = Stage::new().await;
    stage.webhook("https://slow/").await;
    stage.webhook("https://fast/").await;
    stage
        .receiver
        .always("https://slow/", Reply::Slow(Duration::from_secs(10), 200));
    let node = stage.start_with(DispatchConfig {
        queue: 8,
        concurrency: 2,
        ..DispatchConfig::default()
    });
    let began = stage.now();
    let positions = stage.policies(100).await;
    stage.until_delivered("https://fast/", &positions).await;
    assert!(
        (stage.now() - began).num_seconds() < 5,
        "the slow one slowed the fast one"
    );
    // Left behind, it reads the log by itself and misses nothing.
    stage.until_delivered("https://slow/", &positions).await;
    assert_eq!(stage.got("https://slow/").len(), 100);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_was_left_behind_is_taken_along_again() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    stage
        .receiver
        .next("https://a/", Reply::Slow(Duration::from_secs(10), 200), 1);
    let node = stage.start_with(DispatchConfig {
        queue: 4,
        concurrency: 1,
        ..DispatchConfig::default()
    });
    let positions = stage.policies(50).await;
    stage.until_delivered("https://a/", &positions).await;
    let more = stage.policies(1).await;
    stage.until_delivered("https://a/", &more).await;
    stage
        .until("kept", async || !stage.tracks(&hook).await[0].behind)
        .await;
    assert_eq!(stage.got("https://a/").len(), 51, "none twice");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_are_made_in_a_second_than_is_allowed() {
    let stage = Stage::new().await;
    stage.webhook("https://a/").await;
    let node = stage.start_with(DispatchConfig {
        rate_per_s: 10,
        ..DispatchConfig::default()
    });
    let began = stage.now();
    let positions = stage.policies(50).await;
    stage.until_delivered("https://a/", &positions).await;
    let took = (stage.now() - began).num_milliseconds();
    assert!((4800..6500).contains(&took), "{took} ms for 50 at 10 a second");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tries_are_noted_with_what_was_answered() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    stage.receiver.next("https://a/", Reply::Status(500), 1);
    let node = stage.start_with(DispatchConfig {
        keep_attempts: 20,
        ..DispatchConfig::default()
    });
    let positions = stage.policies(1).await;
    stage.until_delivered("https://a/", &positions).await;
    stage
        .until("noted", async || stage.attempts(&hook).await.len() == 2)
        .await;
    let attempts = stage.attempts(&hook).await;
    assert_eq!((attempts[0].status, attempts[0].attempt), (Some(200), 2));
    assert_eq!((attempts[1].status, attempts[1].attempt), (Some(500), 1));
    assert_eq!(attempts[0].position, positions[0]);
    assert_eq!(attempts[0].event_type, "PolicyCreated");
    assert_eq!(attempts[1].answer.as_deref(), Some("said by https://a/"));
    let positions = stage.policies(60).await;
    stage.until_delivered("https://a/", &positions).await;
    node.stop().await;
    let attempts = stage.attempts(&hook).await;
    assert_eq!((attempts.len(), attempts[0].number), (20, 62), "the newest only");
}
