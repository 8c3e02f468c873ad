//! Deliveries that somebody asks for: tests, resends and replays.

use std::time::Duration;

use super::stage::{Reply, Stage};
use crate::{
    delivery::DispatchConfig,
    webhook::{DisableWebhook, ReplayWebhook, ResendWebhookDelivery, TestWebhook},
};

#[tokio::test(start_paused = true)]
async fn a_test_is_sent_also_when_disabled() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    let node = stage.start();
    let disable = DisableWebhook {
        webhook_id: hook.clone(),
    };
    stage.world.by(&stage.member.caller, disable).await.unwrap();
    stage.policies(5).await;
    let test = TestWebhook { webhook_id: hook };
    let answer = stage.world.by(&stage.member.caller, test).await.unwrap();
    stage.until_delivered("https://a/", &[answer.position]).await;
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(stage.got("https://a/").len(), 1, "the test and nothing else");
    let got = &stage.got("https://a/")[0];
    assert!(got.body.contains("WebhookTested"), "{}", got.body);
    let signed = got.headers.iter().any(|(name, _)| *name == "webhook-signature");
    assert!(signed);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_of_all_events_gets_its_test_once() {
    let stage = Stage::new().await;
    let hook = stage.webhook_for("https://a/", &["*"]).await;
    let node = stage.start();
    let test = TestWebhook { webhook_id: hook };
    let answer = stage.world.by(&stage.member.caller, test).await.unwrap();
    stage.until_delivered("https://a/", &[answer.position]).await;
    stage.pass(Duration::from_mins(1)).await;
    assert_eq!(stage.tries_of("https://a/", answer.position).len(), 1);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_delivery_is_sent_again_with_its_id() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    let node = stage.start();
    let positions = stage.policies(10).await;
    stage.until_delivered("https://a/", &positions).await;
    let resend = ResendWebhookDelivery {
        webhook_id: hook,
        position: positions[3],
    };
    stage.world.by(&stage.member.caller, resend).await.unwrap();
    stage
        .until("again", async || {
            stage.tries_of("https://a/", positions[3]).len() == 2
        })
        .await;
    let got = stage.got("https://a/");
    let ids: Vec<&str> = got
        .iter()
        .filter(|got| got.position == positions[3])
        .map(|got| got.id.as_str())
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(got.len(), 11);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_replay_does_not_hold_up_what_is_new() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    let node = stage.start_with(DispatchConfig {
        concurrency: 1,
        ..DispatchConfig::default()
    });
    let positions = stage.policies(400).await;
    stage.until_delivered("https://a/", &positions).await;
    stage
        .receiver
        .always("https://a/", Reply::Slow(Duration::from_secs(1), 200));
    let replay = ReplayWebhook {
        webhook_id: hook.clone(),
        from: Some(positions[100]),
        since: None,
    };
    stage.world.by(&stage.member.caller, replay).await.unwrap();
    stage.pass(Duration::from_secs(10)).await;
    let more = stage.policies(2).await;
    stage.until_delivered("https://a/", &more).await;
    let again = stage.got("https://a/").len() - 402;
    assert!((5..40).contains(&again), "{again} of the replay came before");
    stage
        .until("all of it", async || stage.got("https://a/").len() == 702)
        .await;
    stage
        .until("over", async || stage.tracks(&hook).await.len() == 1)
        .await;
    for position in &positions[100..] {
        assert_eq!(stage.tries_of("https://a/", *position).len(), 2);
    }
    node.stop().await;
    stage.pass(Duration::from_secs(1)).await;
    let node = stage.start();
    let last = stage.policies(1).await;
    stage.until_delivered("https://a/", &last).await;
    assert_eq!(stage.got("https://a/").len(), 703, "it is not replayed once more");
    node.stop().await;
}
