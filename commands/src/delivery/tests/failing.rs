//! Receivers that fail: retries, trouble, and being disabled.

use std::time::Duration;

use reef_domain::webhook::WebhookForm;

use super::stage::{Reply, Stage};
use crate::{
    delivery::DispatchConfig,
    webhook::{CreateWebhook, EnableWebhook, TestWebhook},
};

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_is_left_alone_and_loses_nothing() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://dead/").await;
    stage.receiver.always("https://dead/", Reply::Refuse);
    let node = stage.start_for_days();
    let positions = stage.policies(1000).await;
    stage
        .until("trouble", async || stage.standing(&hook).await.in_trouble)
        .await;
    stage.pass(Duration::from_hours(10)).await;
    let standing = stage.standing(&hook).await;
    assert!(standing.waiting <= 13, "{} retries", standing.waiting);
    assert!(standing.lag >= 980, "the cursor stays");
    assert!(standing.failing_since.is_some());
    assert!(
        stage.tries("https://dead/") < 250,
        "{}",
        stage.tries("https://dead/")
    );
    stage.receiver.always("https://dead/", Reply::Status(204));
    stage.until_delivered("https://dead/", &positions).await;
    assert_eq!(stage.got("https://dead/").len(), 1000, "each once");
    stage
        .until("out of trouble", async || !stage.standing(&hook).await.in_trouble)
        .await;
    node.stop().await;
    let standing = stage.standing(&hook).await;
    assert_eq!(
        (standing.lag, standing.waiting, standing.failures_in_row),
        (0, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn retries_are_bounded() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    stage.receiver.fail_each_once("https://a/");
    let node = stage.start_with(DispatchConfig {
        max_retries: 3,
        trouble_after: 1000,
        ..DispatchConfig::default()
    });
    let positions = stage.policies(50).await;
    let most = std::cell::Cell::new(0);
    stage
        .until("all", async || {
            most.set(most.get().max(stage.standing(&hook).await.waiting));
            stage.got("https://a/").len() == positions.len()
        })
        .await;
    assert_eq!(most.get(), 3);
    stage.until_delivered("https://a/", &positions).await;
    assert_eq!(stage.tries("https://a/"), 100, "none more than twice");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_receiver_says_when_it_wants_more() {
    let stage = Stage::new().await;
    stage.webhook("https://a/").await;
    stage
        .receiver
        .next("https://a/", Reply::RetryAfter(429, "120"), 1);
    let node = stage.start_with(DispatchConfig {
        concurrency: 1,
        ..DispatchConfig::default()
    });
    let positions = stage.policies(10).await;
    stage.until_delivered("https://a/", &positions).await;
    let first = stage.tries_of("https://a/", positions[0]);
    assert!((first[1] - first[0]).num_seconds() >= 120);
    let second = stage.tries_of("https://a/", positions[1]);
    assert!((second[0] - first[0]).num_seconds() >= 120, "others wait too");
    // Out of bounds, or with another status, it is not listened to.
    stage
        .receiver
        .next("https://a/", Reply::RetryAfter(503, "999999999"), 1);
    stage
        .receiver
        .next("https://a/", Reply::RetryAfter(500, "9999"), 1);
    let more = stage.policies(2).await;
    stage.until_delivered("https://a/", &more).await;
    let third = stage.tries_of("https://a/", more[0]);
    assert!((third[1] - third[0]).num_minutes() <= 61);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_is_disabled_at_once() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://gone/").await;
    stage.receiver.always("https://gone/", Reply::Status(410));
    let node = stage.start_with(DispatchConfig {
        concurrency: 1,
        lease_ttl: Duration::from_hours(3),
        save_every: Duration::from_mins(1),
        ..DispatchConfig::default()
    });
    stage.policies(20).await;
    stage
        .until("disabled", async || stage.count("WebhookDisabled") == 1)
        .await;
    stage.pass(Duration::from_hours(48)).await;
    assert_eq!(stage.tries("https://gone/"), 1, "nothing more is sent");
    let disabled = stage.world.store.events();
    let disabled = disabled
        .iter()
        .find(|event| event.event.event_type() == "WebhookDisabled");
    assert!(disabled.unwrap().payload.contains("\"gone\""));
    stage.receiver.always("https://gone/", Reply::Status(200));
    let enable = EnableWebhook {
        webhook_id: hook,
        from: None,
    };
    stage.world.by(&stage.member.caller, enable).await.unwrap();
    let positions = stage.policies(5).await;
    stage.until_delivered("https://gone/", &positions).await;
    assert_eq!(
        stage.got("https://gone/").len(),
        6,
        "the one that waits, and what is new"
    );
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_keeps_failing_is_disabled_after_days() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://bad/").await;
    stage.receiver.always("https://bad/", Reply::Status(302));
    let node = stage.start_for_days();
    let began = stage.now();
    stage.policies(30).await;
    stage
        .until("disabled", async || stage.count("WebhookDisabled") == 1)
        .await;
    let after = stage.now() - began;
    assert!((5 * 24..6 * 24).contains(&after.num_hours()), "{after}");
    let tries = stage.tries("https://bad/");
    stage.pass(Duration::from_hours(48)).await;
    assert_eq!(stage.tries("https://bad/"), tries);
    let standing = stage.standing(&hook).await;
    assert!(standing.cursor.is_some(), "its owner sees where it was");
    node.stop().await;
}

/// Contract, `webhook_delivery`: five tries in all, after 10 s, 60 s, 5 min and 30 min.
#[tokio::test(start_paused = true)]
async fn thermidoras_form_is_tried_five_times() {
    let stage = Stage::new().await;
    let mut create = CreateWebhook::new("https://t/", vec!["*".to_owned()]);
    create.form = WebhookForm::Thermidora;
    let hook = stage.create(create).await;
    stage
        .receiver
        .always("https://t/", Reply::Slow(Duration::from_mins(1), 200));
    let node = stage.start_for_days();
    let test = TestWebhook {
        webhook_id: hook.clone(),
    };
    let answer = stage.world.by(&stage.member.caller, test).await.unwrap();
    stage.until("five", async || stage.tries("https://t/") == 5).await;
    stage.pass(Duration::from_hours(100)).await;
    let tries = stage.tries_of("https://t/", answer.position);
    let gaps: Vec<i64> = tries
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).num_seconds())
        .collect();
    // Each took its ten seconds.
    assert_eq!(gaps, [20, 70, 310, 1810]);
    let standing = stage.standing(&hook).await;
    assert_eq!(standing.waiting, 0, "given up");
    node.stop().await;
    let attempts = stage.attempts(&hook).await;
    assert_eq!(
        attempts[0].failure.as_deref(),
        Some("no answer within the time limit")
    );
    assert_eq!(attempts[0].attempt, 5);
}
