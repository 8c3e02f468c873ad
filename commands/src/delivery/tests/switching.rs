//! Webhooks that are disabled, enabled and deleted.

use std::time::Duration;

use super::stage::{Reply, Stage};
use crate::{
    ports::Deliveries as _,
    webhook::{DeleteWebhook, DisableWebhook, EnableWebhook},
};

#[tokio::test(start_paused = true)]
async fn what_happens_while_it_is_disabled_is_not_sent_later() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    let node = stage.start();
    let before = stage.policies(10).await;
    stage.until_delivered("https://a/", &before).await;
    let disable = DisableWebhook {
        webhook_id: hook.clone(),
    };
    stage.world.by(&stage.member.caller, disable).await.unwrap();
    let between = stage.policies(10).await;
    stage.pass(Duration::from_mins(1)).await;
    let standing = stage.standing(&hook).await;
    assert!(standing.cursor.unwrap() >= before[9] && standing.cursor.unwrap() < between[0]);
    let enable = EnableWebhook {
        webhook_id: hook.clone(),
        from: None,
    };
    stage.world.by(&stage.member.caller, enable).await.unwrap();
    let after = stage.policies(10).await;
    stage.until_delivered("https://a/", &after).await;
    assert_eq!(stage.got("https://a/").len(), 20);
    // And with a position, from there on.
    let disable = DisableWebhook {
        webhook_id: hook.clone(),
    };
    stage.world.by(&stage.member.caller, disable).await.unwrap();
    let enable = EnableWebhook {
        webhook_id: hook.clone(),
        from: Some(between[0]),
    };
    stage.world.by(&stage.member.caller, enable).await.unwrap();
    stage.until_delivered("https://a/", &between).await;
    stage
        .until("all again", async || stage.got("https://a/").len() == 40)
        .await;
    node.stop().await;
    assert_eq!(stage.tracks(&hook).await.len(), 1, "tracks before are gone");
}

#[tokio::test(start_paused = true)]
async fn it_begins_where_it_was_told_to() {
    let stage = Stage::new().await;
    let earlier = stage.policies(20).await;
    let node = stage.start();
    let mut create = crate::webhook::CreateWebhook::new("https://a/", vec!["PolicyCreated".to_owned()]);
    create.from = Some(earlier[5]);
    stage.create(create).await;
    stage.until_delivered("https://a/", &earlier[5..]).await;
    assert_eq!(stage.got("https://a/").len(), 15);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn deleting_drops_what_waits() {
    let stage = Stage::new().await;
    let hook = stage.webhook("https://a/").await;
    stage.receiver.always("https://a/", Reply::Status(500));
    let node = stage.start();
    stage.policies(3).await;
    stage
        .until("waiting", async || stage.standing(&hook).await.waiting == 3)
        .await;
    let tries = stage.tries("https://a/");
    let delete = DeleteWebhook {
        webhook_id: hook.clone(),
    };
    stage.world.by(&stage.member.caller, delete).await.unwrap();
    stage.pass(Duration::from_hours(24)).await;
    assert_eq!(stage.tries("https://a/"), tries, "nothing more is sent");
    let kept = stage.world.store.load().await.unwrap();
    assert_eq!((kept.retries, kept.tracks, kept.health), (vec![], vec![], vec![]));
    assert_eq!(stage.attempts(&hook).await, []);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_accounts_events_are_not_delivered() {
    let stage = Stage::new().await;
    stage.webhook_for("https://a/", &["*"]).await;
    let other = stage.world.account("bob", reef_domain::Dialect::Native).await;
    let node = stage.start();
    let create = crate::policy::CreatePolicy {
        name: "his".to_owned(),
        rules: "ALLOW: read".to_owned(),
        ..crate::policy::CreatePolicy::default()
    };
    let his = stage.world.by(&other.caller, create).await.unwrap().position;
    let mine = stage.policies(3).await;
    stage.until_delivered("https://a/", &mine).await;
    assert!(stage.got("https://a/").iter().all(|got| got.position != his));
    node.stop().await;
}
