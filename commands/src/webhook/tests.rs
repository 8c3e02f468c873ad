//! Specs of the commands of webhooks.

use std::sync::Arc;

use chrono::TimeDelta;
use reef_domain::{Dialect, webhook::DisableReason};
use reef_projections::views::webhook::Webhooks;
use serde_json::{Value, json};

use super::*;
use crate::{
    Answer, Caller, Gateways, Request,
    ports::{VaultError, WebhookAnswer, WebhookPost, WebhookSender},
    runtime::ProvisionRuntime,
    spec::{Member, World, body, code, kinds},
};

mod asked;

const URL: &str = "https://example.com/webhook";
const OWN: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn new() -> CreateWebhook {
    CreateWebhook::new(URL, vec!["*".to_owned()])
}

async fn created(world: &World, by: &Member) -> (WebhookId, String) {
    let answer = world.by(&by.caller, new()).await.unwrap();
    shown(&answer)
}

fn shown(answer: &Answer) -> (WebhookId, String) {
    let result = answer.result.as_ref().unwrap();
    let text = |field: &str| result[field].as_str().unwrap().to_owned();
    (text("webhook_id").into(), text("secret"))
}

/// The secrets that sign now.
async fn secrets(world: &World, id: &WebhookId) -> Vec<String> {
    let webhook = world.state::<Webhook>(id).await;
    let services = world.bus.services();
    let secrets = signing_secrets(services, &webhook, services.clock.now())
        .await
        .unwrap();
    secrets.iter().map(|secret| secret.expose().to_owned()).collect()
}

fn in_the_log(world: &World, text: &str) -> bool {
    world
        .store
        .events()
        .iter()
        .any(|envelope| envelope.payload.contains(text))
}

#[tokio::test]
async fn the_secret_is_in_the_answer_and_the_vault_and_nowhere_else() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let answer = world.by(&member.caller, new()).await.unwrap();
    assert_eq!(kinds(&answer), ["ReservationClaimed", "WebhookCreated"]);
    let (id, secret) = shown(&answer);
    assert!(id.as_str().starts_with("wh_") && WebhookSecret::parse(&secret).is_ok());
    assert_eq!(secrets(&world, &id).await, [secret.as_str()]);
    assert!(!in_the_log(&world, &secret));
    let doc = world.doc::<Webhooks>(&id).await.unwrap();
    assert!(secret.ends_with(&doc.secret_hint));
    assert!(!serde_json::to_string(&doc).unwrap().contains(&secret));
}

#[tokio::test]
async fn a_repeated_request_has_the_same_answer_and_makes_nothing() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let request = || Request::new(member.caller.clone(), "spec").once("key-1");
    let first = world.bus.execute(&new(), request()).await.unwrap();
    let again = world.bus.execute(&new(), request()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(shown(&again), shown(&first));
}

#[tokio::test]
async fn an_account_may_bring_its_own_secret() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let own: CreateWebhook = body(json!({ "url": URL, "events": ["*"], "secret": OWN }));
    assert!(!format!("{own:?}").contains(OWN));
    let (id, secret) = shown(&world.by(&member.caller, own).await.unwrap());
    assert_eq!(secret, OWN);
    assert_eq!(secrets(&world, &id).await, [OWN]);
    let bad = json!({ "url": URL, "events": ["*"], "secret": "whsec_short" });
    assert!(serde_json::from_value::<CreateWebhook>(bad).is_err());
}

#[tokio::test]
async fn what_is_refused_is_not_in_the_vault_either() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let wrong = |change: fn(&mut CreateWebhook)| {
        let mut create = new();
        change(&mut create);
        world.by(&member.caller, create)
    };
    for (refused, with) in [
        (
            wrong(|it| it.url = "ftp://example.com".to_owned()).await,
            "webhook_url_invalid",
        ),
        (wrong(|it| it.events = vec![]).await, "webhook_events_invalid"),
        (wrong(|it| it.from = Some(0)).await, "positions_invalid"),
        (wrong(|it| it.from = Some(1000)).await, "invalid_command"),
        (
            wrong(|it| it.runtime_id = Some("rt_none".into())).await,
            "not_found",
        ),
        (
            wrong(|it| it.agent_id = Some("agt_none".into())).await,
            "not_found",
        ),
    ] {
        assert_eq!(code(refused), with);
    }
    let (id, _) = created(&world, &member).await;
    let place = world.state::<Webhook>(&id).await.secret_ref.unwrap();
    // The vault in memory numbers what it is given.
    assert_eq!(place.as_str(), "ref-1");
}

#[tokio::test]
async fn an_account_has_so_many_and_a_deleted_one_makes_room() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let mut last = created(&world, &member).await.0;
    for _ in 1..MAX_WEBHOOKS {
        last = created(&world, &member).await.0;
    }
    assert_eq!(code(world.by(&member.caller, new()).await), "limit_reached");
    let other = world.account("other", Dialect::Native).await;
    created(&world, &other).await;
    let delete = DeleteWebhook { webhook_id: last };
    world.by(&member.caller, delete).await.unwrap();
    created(&world, &member).await;
}

async fn runtime(world: &World, of: &Member) -> RuntimeId {
    let provision: ProvisionRuntime = body(json!({}));
    let grant = json!({ "account_id": of.account, "amount_micro": 1_000_000_000, "description": "spec" });
    world
        .operator(body::<crate::ledger::GrantCredits>(grant))
        .await
        .unwrap();
    world.by(&of.caller, provision).await.unwrap().aggregate.id.into()
}

#[tokio::test]
async fn another_accounts_things_are_unknown() {
    let world = World::new();
    let (member, other) = (
        world.account("acme", Dialect::Native).await,
        world.account("other", Dialect::Native).await,
    );
    let theirs = runtime(&world, &other).await;
    let scoped = |account: Option<&AccountId>| {
        let scope = json!({ "url": URL, "events": ["*"], "runtime_id": theirs, "account_id": account });
        body::<CreateWebhook>(scope)
    };
    assert_eq!(code(world.by(&member.caller, scoped(None)).await), "not_found");
    assert_eq!(
        code(world.operator(scoped(Some(&member.account))).await),
        "not_found"
    );
    let (id, _) = shown(&world.by(&other.caller, scoped(None)).await.unwrap());
    for attempt in all_of(&id) {
        let refused = attempt_by(&world, &member.caller, attempt).await;
        assert_eq!(code(refused), "not_found");
    }
    let (own, _) = created(&world, &member).await;
    let tie = json!({ "webhook_id": own, "runtime_id": theirs });
    assert_eq!(
        code(world.by(&member.caller, body::<UpdateWebhook>(tie)).await),
        "not_found"
    );
}

fn all_of(id: &WebhookId) -> Vec<(&'static str, Value)> {
    vec![
        ("UpdateWebhook", json!({ "webhook_id": id, "events": ["*"] })),
        ("EnableWebhook", json!({ "webhook_id": id })),
        ("DisableWebhook", json!({ "webhook_id": id })),
        ("RotateWebhookSecret", json!({ "webhook_id": id })),
        ("TestWebhook", json!({ "webhook_id": id })),
        ("ReplayWebhook", json!({ "webhook_id": id, "from": 1 })),
        (
            "ResendWebhookDelivery",
            json!({ "webhook_id": id, "position": 1 }),
        ),
        ("DeleteWebhook", json!({ "webhook_id": id })),
    ]
}

async fn attempt_by(
    world: &World,
    caller: &Caller,
    (name, command): (&'static str, Value),
) -> Result<Answer, CommandError> {
    let spec = crate::find_command(name).unwrap();
    let request = Request::new(caller.clone(), "spec");
    spec.run(&world.bus, command.to_string().as_bytes(), request)
        .await
}

#[tokio::test]
async fn a_deleted_one_is_unknown_to_every_command() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let (id, _) = created(&world, &member).await;
    let delete = || DeleteWebhook {
        webhook_id: id.clone(),
    };
    world.by(&member.caller, delete()).await.unwrap();
    assert!(world.doc::<Webhooks>(&id).await.is_none());
    for attempt in all_of(&id) {
        assert_eq!(
            code(attempt_by(&world, &member.caller, attempt).await),
            "not_found"
        );
    }
}

#[tokio::test]
async fn rotation_overlaps_and_names_what_is_to_be_wiped() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let (id, first) = created(&world, &member).await;
    let rotate = || RotateWebhookSecret::new(id.clone());
    let (_, second) = shown(&world.by(&member.caller, rotate()).await.unwrap());
    assert_eq!(secrets(&world, &id).await, [second.clone(), first.clone()]);
    let webhook = world.state::<Webhook>(&id).await;
    let until = webhook.previous.as_ref().unwrap().until;
    assert_eq!(until - world.bus.services().clock.now(), TimeDelta::hours(24));
    let mut at_once = rotate();
    at_once.overlap_hours = 0;
    at_once.secret = WebhookSecret::parse(OWN).ok();
    assert_eq!(shown(&world.by(&member.caller, at_once).await.unwrap()).1, OWN);
    assert_eq!(secrets(&world, &id).await, [OWN]);
    assert!(![&first, &second].iter().any(|secret| in_the_log(&world, secret)));
    let mut too_long = rotate();
    too_long.overlap_hours = 169;
    assert_eq!(code(world.by(&member.caller, too_long).await), "invalid_command");
}

#[tokio::test]
async fn an_update_leaves_what_is_left_out() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let (id, _) = created(&world, &member).await;
    let update = |change: Value| {
        let mut whole = json!({ "webhook_id": id });
        whole
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        world.by(&member.caller, body::<UpdateWebhook>(whole))
    };
    let described = update(json!({ "description": "The pager" })).await.unwrap();
    assert_eq!(kinds(&described), ["WebhookUpdated"]);
    assert!(
        update(json!({ "url": URL, "description": "The pager" }))
            .await
            .unwrap()
            .events
            .is_empty()
    );
    update(json!({ "events": ["AgentStarted"], "aggregate_types": ["agent"] }))
        .await
        .unwrap();
    let doc = world.doc::<Webhooks>(&id).await.unwrap();
    assert_eq!(doc.description.as_deref(), Some("The pager"));
    assert_eq!(
        (doc.events, doc.aggregate_types),
        (vec!["AgentStarted".to_owned()], vec!["agent".to_owned()])
    );
    update(json!({ "description": null })).await.unwrap();
    assert_eq!(world.doc::<Webhooks>(&id).await.unwrap().description, None);
}

#[tokio::test]
async fn the_dispatcher_disables_with_a_reason_and_only_once() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let (id, _) = created(&world, &member).await;
    let request = Request::new(Caller::system("webhooks"), "spec");
    let disable = || disable_webhook(&world.bus, &id, DisableReason::Gone, "answered 410", &request);
    assert_eq!(kinds(&disable().await.unwrap().unwrap()), ["WebhookDisabled"]);
    assert!(disable().await.unwrap().unwrap().events.is_empty());
    let doc = world.doc::<Webhooks>(&id).await.unwrap().disabled.unwrap();
    assert_eq!(
        (doc.reason, doc.detail.as_deref()),
        (DisableReason::Gone, Some("answered 410"))
    );
    world
        .by(
            &member.caller,
            DeleteWebhook {
                webhook_id: id.clone(),
            },
        )
        .await
        .unwrap();
    assert!(disable().await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_gone_signs_nothing() {
    let world = World::new();
    let member = world.account("acme", Dialect::Native).await;
    let (id, _) = created(&world, &member).await;
    let webhook = world.state::<Webhook>(&id).await;
    let services = world.bus.services();
    services.vault.destroy(&vault_owner(&id)).await.unwrap();
    let now = services.clock.now();
    assert!(signing_secrets(services, &webhook, now).await.unwrap().is_empty());
    let place = webhook.secret_ref.clone().unwrap();
    let read = services.vault.get(&vault_owner(&id), &place).await;
    assert_eq!(read.unwrap_err(), VaultError::Absent);
}

/// Says of one host that it is refused, of another that nobody knows it.
struct Judge;

#[async_trait::async_trait]
impl WebhookSender for Judge {
    async fn post(&self, _: WebhookPost) -> Result<WebhookAnswer, WebhookFailure> {
        Err(WebhookFailure::Timeout)
    }

    async fn check(&self, url: &str) -> Result<(), WebhookFailure> {
        match url {
            "https://inside.example/" => Err(WebhookFailure::Refused("a private address".to_owned())),
            "https://unknown.example/" => Err(WebhookFailure::Dns("no address".to_owned())),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn where_no_delivery_may_go_no_webhook_is_made_or_moved() {
    let world = World::with(Gateways {
        webhooks: Some(Arc::new(Judge)),
        ..Gateways::default()
    });
    let member = world.account("acme", Dialect::Native).await;
    let to = |url: &str| CreateWebhook::new(url, vec!["*".to_owned()]);
    let refused = world.by(&member.caller, to("https://inside.example/")).await;
    assert_eq!(code(refused), "webhook_url_refused");
    let unknown = world
        .by(&member.caller, to("https://unknown.example/"))
        .await
        .unwrap();
    let (id, _) = shown(&unknown);
    assert_eq!(
        world.state::<Webhook>(&id).await.secret_ref.unwrap().as_str(),
        "ref-1"
    );
    let moved = json!({ "webhook_id": id, "url": "https://inside.example/" });
    let refused = world.by(&member.caller, body::<UpdateWebhook>(moved)).await;
    assert_eq!(code(refused), "webhook_url_refused");
}
