//! Specs of switching, and of deliveries that are asked for.

use reef_domain::webhook::WebhookEvent;

use super::*;

async fn by(
    world: &World,
    member: &Member,
    name: &'static str,
    command: Value,
) -> Result<Answer, CommandError> {
    attempt_by(world, &member.caller, (name, command)).await
}

#[tokio::test]
async fn it_is_switched_and_a_position_must_be_reached() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let (id, _) = created(&world, &member).await;
    let answer = by(&world, &member, "EnableWebhook", json!({ "webhook_id": id })).await;
    assert!(answer.unwrap().events.is_empty());
    let from_while_on = by(
        &world,
        &member,
        "EnableWebhook",
        json!({ "webhook_id": id, "from": 1 }),
    )
    .await;
    assert_eq!(code(from_while_on), "webhook_enabled");
    let off = by(&world, &member, "DisableWebhook", json!({ "webhook_id": id }))
        .await
        .unwrap();
    assert_eq!(kinds(&off), ["WebhookDisabled"]);
    let replay = by(
        &world,
        &member,
        "ReplayWebhook",
        json!({ "webhook_id": id, "from": 1 }),
    )
    .await;
    assert_eq!(code(replay), "webhook_disabled");
    let too_far = json!({ "webhook_id": id, "from": off.position + 2 });
    assert_eq!(
        code(by(&world, &member, "EnableWebhook", too_far).await),
        "invalid_command"
    );
    let next = json!({ "webhook_id": id, "from": off.position + 1 });
    let on = by(&world, &member, "EnableWebhook", next).await.unwrap();
    assert_eq!(kinds(&on), ["WebhookEnabled"]);
}

#[tokio::test]
async fn a_replay_goes_from_a_position_or_a_time_to_the_end() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let (id, _) = created(&world, &member).await;
    let head = world.bus.services().log.head().await.unwrap().position;
    let replay = async |asked: Value| {
        let mut whole = json!({ "webhook_id": id });
        whole
            .as_object_mut()
            .unwrap()
            .extend(asked.as_object().unwrap().clone());
        by(&world, &member, "ReplayWebhook", whole).await
    };
    let answer = replay(json!({ "from": 2 })).await.unwrap();
    assert_eq!(kinds(&answer), ["WebhookReplayRequested"]);
    assert_eq!(answer.result, Some(json!({ "from": 2, "to": head })));
    // Time stands still here: everything was recorded at the clock's time.
    let now = world.bus.services().clock.now();
    let all = replay(json!({ "since": now })).await.unwrap();
    assert_eq!(all.result, Some(json!({ "from": 1, "to": head + 1 })));
    let later = now + TimeDelta::seconds(1);
    assert_eq!(code(replay(json!({ "since": later })).await), "positions_invalid");
    for wrong in [json!({}), json!({ "from": 1, "since": now })] {
        assert_eq!(code(replay(wrong).await), "invalid_command");
    }
    assert_eq!(code(replay(json!({ "from": 0 })).await), "positions_invalid");
    assert_eq!(
        code(replay(json!({ "from": u64::MAX })).await),
        "positions_invalid"
    );
}

#[tokio::test]
async fn one_event_is_resent_if_it_is_one_of_the_webhooks() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let of_agents = json!({ "url": URL, "events": ["AgentStarted"] });
    let (id, _) = shown(
        &world
            .by(&member.caller, body::<CreateWebhook>(of_agents))
            .await
            .unwrap(),
    );
    let test = by(&world, &member, "TestWebhook", json!({ "webhook_id": id }))
        .await
        .unwrap();
    assert_eq!(kinds(&test), ["WebhookTested"]);
    assert!(
        test.result.as_ref().unwrap()["test_id"]
            .as_str()
            .unwrap()
            .starts_with("test_")
    );
    let resend = async |id: &WebhookId, position: u64| {
        let resend = json!({ "webhook_id": id, "position": position });
        by(&world, &member, "ResendWebhookDelivery", resend).await
    };
    let again = resend(&id, test.position).await.unwrap();
    assert_eq!(kinds(&again), ["WebhookResendRequested"]);
    for other in [0, 1, test.position - 1, again.position + 1, u64::MAX] {
        assert_eq!(code(resend(&id, other).await), "delivery_not_found", "{other}");
    }
    // Of all events, another webhook's test is one like any.
    let (all, _) = created(&world, &member).await;
    resend(&all, test.position).await.unwrap();
    let events = world.store.events();
    let last = WebhookEvent::ResendRequested {
        position: test.position,
    };
    assert_eq!(events.last().unwrap().event, last.into());
}
