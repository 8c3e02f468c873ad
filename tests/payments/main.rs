//! Credits that are paid for, on both databases: the store, the use cases and the Stripe client together,
//! with a server that speaks Stripe's wire; and events signed by localstripe (PyPI).

mod configured;
#[path = "../harness/harness.rs"]
mod harness;
mod localstripe;
#[path = "../../gateways/src/stripe/tests/server.rs"]
mod server;

use std::sync::Arc;

use futures::future::join_all;
use harness::{Database, on_both_databases};
use reef_commands::{
    Bus, Caller, Gateways, RandomEntropy, Request, Services,
    account::{Plans, RegisterAccount},
    ledger::{Applied, StartCreditCheckout, apply_payment_event},
    ports::{ExternalIdentity, PaymentError, Payments, SystemClock},
    sign_in,
};
use reef_domain::{AccountId, Dialect};
use reef_gateways::stripe::{Stripe, StripeConfig};
use reef_projections::views::ledger::{LedgerEntries, Ledgers};
use reef_runtimes::MemoryLogLines;
use reef_store::Store;
use serde_json::{Value, json};
use zeroize::Zeroizing;

const WEBHOOK_SECRET: &str = "whsec_of_the_suite";

on_both_databases![
    a_payment_is_applied_once_whatever_is_delivered,
    two_nodes_apply_a_payment_once,
    two_nodes_open_one_account,
];

/// One node over the database, with a Stripe account.
async fn node(database: &Database, stripe: &server::Server) -> (Bus, Arc<Stripe>) {
    let clock = Arc::new(SystemClock);
    let views = reef_projections::views::all();
    let store = Store::open(
        database.url(),
        database.folder(),
        views,
        Zeroizing::new([7; 32]),
        clock.clone(),
    );
    let store = store.await.expect("the store opens");
    let config = StripeConfig::new(server::KEY, WEBHOOK_SECRET, Some(&stripe.url)).expect("a configuration");
    let stripe = Arc::new(Stripe::new(config, clock.clone()).expect("a client"));
    let services = Services {
        log: Arc::new(store.clone()),
        views: Arc::new(store.clone()),
        vault: Arc::new(store.clone()),
        workspace: Arc::new(store.clone()),
        clock: clock.clone(),
        entropy: Arc::new(RandomEntropy),
        log_lines: Arc::new(MemoryLogLines::new(clock)),
        sightings: Arc::new(store),
        gateways: Gateways {
            payments: Some(Arc::clone(&stripe) as _),
            ..Gateways::default()
        },
        plans: Plans::default(),
    };
    (Bus::new(services), stripe)
}

/// One node, and on PostgreSQL another: SQLite serves one process.
async fn nodes(database: &Database, stripe: &server::Server) -> Vec<(Bus, Arc<Stripe>)> {
    let mut nodes = vec![node(database, stripe).await];
    if !database.is_sqlite() {
        nodes.push(node(database, stripe).await);
    }
    nodes
}

async fn account(bus: &Bus) -> AccountId {
    let register = RegisterAccount {
        name: "Aquarium".to_owned(),
        owner_email: "ada@example.com".to_owned(),
        dialect: Dialect::Tropic,
        ..RegisterAccount::default()
    };
    let request = Request::new(Caller::operator(), "suite");
    let answer = bus.execute(&register, request).await.expect("an account");
    answer.aggregate.id.into()
}

/// Starts a checkout and gives what the answer shows.
async fn checkout(bus: &Bus, account: &AccountId, quantity: u32) -> Value {
    let start = StartCreditCheckout {
        account_id: Some(account.clone()),
        user_id: None,
        quantity,
        success_url: "https://tropic.bot/credits?success=true".to_owned(),
        cancel_url: "https://tropic.bot/credits".to_owned(),
    };
    let request = Request::new(Caller::operator(), "suite");
    let answer = bus.execute(&start, request).await.expect("a checkout");
    answer.result.expect("it shows the page")
}

/// The event by which Stripe tells that the checkout is paid, and its signature.
fn paid(checkout: &Value, session: &str, at: i64) -> (Vec<u8>, String) {
    let event = json!({
        "id": "evt_1", "object": "event", "type": "checkout.session.completed",
        "data": { "object": {
            "id": session, "object": "checkout.session", "payment_status": "paid",
            "client_reference_id": checkout["checkout_id"],
        } },
    });
    let body = event.to_string().into_bytes();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes());
    let tag = ring::hmac::sign(&key, &[format!("{at}.").as_bytes(), &body].concat());
    (body, format!("t={at},v1={}", hex::encode(tag)))
}

/// What the HTTP side does with a delivery.
async fn deliver((bus, stripe): &(Bus, Arc<Stripe>), delivery: &(Vec<u8>, String)) -> Applied {
    let event = stripe
        .verify_event(&delivery.0, &delivery.1)
        .expect("a signed event");
    apply_payment_event(bus, event).await.expect("it is applied")
}

async fn balance(bus: &Bus, account: &AccountId) -> u64 {
    let ledger = bus.services().views.doc::<Ledgers>(account.as_str()).await;
    ledger.expect("the view answers").expect("a ledger").balance_micro
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

async fn a_payment_is_applied_once_whatever_is_delivered(database: Database) {
    let server = server::Server::start().await;
    let node = node(&database, &server).await;
    let account = account(&node.0).await;
    let page = checkout(&node.0, &account, 1000).await;
    assert_eq!(page["url"], "https://checkout.stripe.com/c/pay/cs_test_1");
    assert_eq!(balance(&node.0, &account).await, 0);

    let (body, good) = paid(&page, "cs_test_1", now());
    for bad in [
        paid(&page, "cs_test_1", now() - 301).1,
        good.replace("v1=", "v1=00"),
    ] {
        let refused = node.1.verify_event(&body, &bad);
        assert!(
            matches!(refused, Err(PaymentError::BadSignature(_))),
            "{refused:?}"
        );
    }
    let elsewhere = paid(&page, "cs_of_another_shop", now());
    assert_eq!(deliver(&node, &elsewhere).await, Applied::NotOurs);
    assert_eq!(balance(&node.0, &account).await, 0);

    let mut applied = Vec::new();
    for _ in 0..5 {
        applied.push(deliver(&node, &paid(&page, "cs_test_1", now())).await);
    }
    assert_eq!(applied[0], Applied::Granted);
    assert_eq!(applied[1..], [Applied::AlreadyGranted; 4]);
    assert_eq!(balance(&node.0, &account).await, 1_000_000_000);
    let views = &node.0.services().views;
    let entries = views
        .all::<LedgerEntries>(reef_projections::Query::default())
        .await
        .expect("entries");
    let told: Vec<&str> = entries.iter().map(|entry| &*entry.description).collect();
    assert_eq!(told, ["1000 credits ($25.00)"]);
}

async fn two_nodes_apply_a_payment_once(database: Database) {
    let server = server::Server::start().await;
    let nodes = nodes(&database, &server).await;
    let account = account(&nodes[0].0).await;
    let page = checkout(&nodes[0].0, &account, 40).await;
    let delivery = paid(&page, "cs_test_1", now());
    let deliveries = (0..16).map(|turn| deliver(&nodes[turn % nodes.len()], &delivery));
    let applied = join_all(deliveries).await;
    let granted = applied
        .iter()
        .filter(|applied| **applied == Applied::Granted)
        .count();
    assert_eq!(
        (granted, applied.contains(&Applied::NotOurs)),
        (1, false),
        "{applied:?}"
    );
    for (bus, _) in &nodes {
        assert_eq!(balance(bus, &account).await, 40_000_000);
    }
}

async fn two_nodes_open_one_account(database: Database) {
    let server = server::Server::start().await;
    let nodes = nodes(&database, &server).await;
    let ada = ExternalIdentity {
        issuer: "https://clerk.example.com".to_owned(),
        subject: "user_2abc".to_owned(),
        email: Some("ada@example.com".to_owned()),
        name: Some("Ada".to_owned()),
        dialect: Dialect::Tropic,
    };
    let sign_ins = (0..16).map(|turn| sign_in::resolve(&nodes[turn % nodes.len()].0, &ada));
    let callers = join_all(sign_ins).await;
    let first = callers[0].as_ref().expect("a caller");
    assert_eq!(first.user_id, Some("user_2abc".into()));
    assert!(
        callers.iter().all(|caller| caller.as_ref() == Ok(first)),
        "{callers:?}"
    );
}
