//! Specs of what goes with webhooks, and of webhooks that go with a runtime.

use reef_domain::{WebhookId, webhook::Webhook};
use reef_projections::views::webhook::Webhooks;

use super::*;
use crate::webhook::{CreateWebhook, DeleteWebhook, RotateWebhookSecret};

async fn create(world: &World, member: &Member, runtime: Option<&RuntimeId>) -> WebhookId {
    let mut create = CreateWebhook::new("https://example.com/", vec!["*".to_owned()]);
    create.runtime_id = runtime.cloned();
    world
        .by(&member.caller, create)
        .await
        .unwrap()
        .aggregate
        .id
        .into()
}

async fn kept(world: &World, webhook: &WebhookId, place: &VaultRef) -> bool {
    let vault = &world.bus.services().vault;
    vault.get(&vault_owner(webhook), place).await.is_ok()
}

async fn place_of(world: &World, webhook: &WebhookId) -> VaultRef {
    world.state::<Webhook>(webhook).await.secret_ref.unwrap()
}

#[tokio::test]
async fn secrets_that_sign_no_more_are_wiped() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let id = create(&world, &member, None).await;
    let mut places = vec![place_of(&world, &id).await];
    for overlap in [24, 0] {
        let mut rotate = RotateWebhookSecret::new(id.clone());
        rotate.overlap_hours = overlap;
        world.by(&member.caller, rotate).await.unwrap();
        clean_up(&world).await;
        for place in &places {
            assert_eq!(kept(&world, &id, place).await, overlap > 0);
        }
        places.push(place_of(&world, &id).await);
    }
    let last = places.pop().unwrap();
    assert!(kept(&world, &id, &last).await);
    let delete = DeleteWebhook {
        webhook_id: id.clone(),
    };
    world.by(&member.caller, delete).await.unwrap();
    clean_up(&world).await;
    let vault = &world.bus.services().vault;
    let put = vault.put(&vault_owner(&id), b"x").await;
    assert_eq!(put, Err(VaultError::Destroyed), "its data key is gone");
}

#[tokio::test]
async fn a_destroyed_runtime_takes_its_webhooks_along() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let id = RuntimeId::from("rt_1");
    let ask = async |command: RuntimeCommand| {
        let request = request();
        let asked = world.bus.decide::<Runtime>(&id, command, &request);
        asked.await.unwrap();
    };
    let now = world.bus.services().clock.now();
    ask(RuntimeCommand::Request {
        name: None,
        runtime_id: id.clone(),
        account_id: member.account.clone(),
        owner_user_id: None,
        tenancy: Tenancy::Dedicated,
        provider: "embedded".to_owned(),
        provider_ref: None,
        region: None,
        image_ref: None,
        deadline: now,
    })
    .await;
    let (scoped, other) = (
        create(&world, &member, Some(&id)).await,
        create(&world, &member, None).await,
    );
    ask(RuntimeCommand::Destroy).await;
    ask(RuntimeCommand::ReportDestroyed { ran_until: now }).await;
    clean_up(&world).await;
    assert!(world.doc::<Webhooks>(&scoped).await.is_none());
    assert!(world.doc::<Webhooks>(&other).await.is_some());
    let deleted = world
        .event_types()
        .iter()
        .filter(|kind| **kind == "WebhookDeleted")
        .count();
    assert_eq!(deleted, 1);
}
