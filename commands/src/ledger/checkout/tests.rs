//! Specs of buying credits.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use parking_lot::Mutex;
use reef_domain::Dialect;
use reef_projections::views::{
    checkout::CheckoutStatus,
    ledger::{EntryKind, LedgerEntries, Ledgers},
};

use super::*;
use crate::{
    Answer, Gateways,
    account::CloseAccount,
    ports::{CheckoutSession, Payments},
    spec::{Member, World, code, kinds},
};

/// A provider that remembers what it was asked, and opens one page per token.
#[derive(Default)]
struct Provider {
    asked: Mutex<Vec<(String, CheckoutRequest)>>,
    failure: Mutex<Option<PaymentError>>,
}

#[async_trait]
impl Payments for Provider {
    fn minimum_cents(&self) -> u64 {
        50
    }

    async fn create_checkout(
        &self,
        request: &CheckoutRequest,
        token: &EffectToken,
    ) -> Result<CheckoutSession, PaymentError> {
        self.asked.lock().push((token.0.clone(), request.clone()));
        if let Some(failure) = self.failure.lock().clone() {
            return Err(failure);
        }
        Ok(CheckoutSession {
            provider_ref: format!("cs_{}", token.0),
            url: format!("https://pay.example/{}", token.0),
        })
    }

    fn verify_event(&self, _: &[u8], _: &str) -> Result<PaymentEvent, PaymentError> {
        Err(PaymentError::BadSignature(
            "this provider signs nothing".to_owned(),
        ))
    }
}

struct Shop {
    world: World,
    provider: Arc<Provider>,
    buyer: Member,
}

impl Shop {
    async fn open() -> Self {
        let provider = Arc::new(Provider::default());
        let world = World::with(Gateways {
            payments: Some(Arc::clone(&provider) as _),
            ..Gateways::default()
        });
        let buyer = world.account("acme", Dialect::Tropic).await;
        Self {
            world,
            provider,
            buyer,
        }
    }

    async fn start(&self, quantity: u32) -> Result<Answer, CommandError> {
        self.world.by(&self.buyer.caller, purchase(quantity)).await
    }

    async fn balance(&self) -> u64 {
        let ledger = self.world.doc::<Ledgers>(&self.buyer.account).await;
        ledger.unwrap().balance_micro
    }
}

fn purchase(quantity: u32) -> StartCreditCheckout {
    StartCreditCheckout {
        account_id: None,
        user_id: None,
        quantity,
        success_url: "https://tropic.bot/credits?success=true".to_owned(),
        cancel_url: "https://tropic.bot/credits".to_owned(),
    }
}

/// The provider's word that the checkout of that answer is paid.
fn paid(answer: &Answer) -> PaymentEvent {
    let checkout_id = answer.result.as_ref().unwrap()["checkout_id"].as_str().unwrap();
    PaymentEvent::Paid {
        event_id: "evt_1".to_owned(),
        checkout_id: checkout_id.into(),
        provider_ref: format!("cs_checkout-{checkout_id}"),
    }
}

#[tokio::test]
async fn a_checkout_has_a_page_and_changes_no_balance() {
    let shop = Shop::open().await;
    let answer = shop.start(1000).await.unwrap();
    assert_eq!(kinds(&answer), ["CheckoutStarted"]);
    assert_eq!(shop.balance().await, 0);
    let (token, asked) = shop.provider.asked.lock()[0].clone();
    let result = answer.result.unwrap();
    assert_eq!(result["url"], format!("https://pay.example/{token}"));
    assert_eq!(result["price_cents"], 2500);
    assert_eq!((asked.credits, asked.amount_cents), (1000, 2500));
    assert_eq!(
        (asked.account_id, asked.user_id),
        (shop.buyer.account, shop.buyer.user)
    );
}

#[tokio::test]
async fn a_confirmed_payment_is_applied_once() {
    let shop = Shop::open().await;
    let answer = shop.start(1000).await.unwrap();
    let mut applied = Vec::new();
    for _ in 0..5 {
        applied.push(apply_payment_event(&shop.world.bus, paid(&answer)).await.unwrap());
    }
    assert_eq!(applied[0], Applied::Granted);
    assert_eq!(applied[1..], [Applied::AlreadyGranted; 4]);
    assert_eq!(shop.balance().await, 1_000_000_000);
    let entries = shop
        .world
        .bus
        .services()
        .views
        .all::<LedgerEntries>(reef_projections::Query::default());
    let entries = entries.await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].kind, EntryKind::Purchase);
    assert_eq!(entries[0].description, "1000 credits ($25.00)");
    let id = entries[0].checkout_id.clone().unwrap();
    let checkout = shop.world.doc::<Checkouts>(&id).await.unwrap();
    assert_eq!(checkout.status, CheckoutStatus::Paid);
}

#[tokio::test]
async fn deliveries_at_the_same_moment_count_once() {
    let shop = Shop::open().await;
    let answer = shop.start(40).await.unwrap();
    let deliveries = (0..16).map(|_| apply_payment_event(&shop.world.bus, paid(&answer)));
    let applied: Vec<Applied> = join_all(deliveries)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(applied.iter().filter(|one| **one == Applied::Granted).count(), 1);
    assert_eq!(shop.balance().await, 40_000_000);
}

#[tokio::test]
async fn what_was_not_started_here_gives_nothing() {
    let shop = Shop::open().await;
    let answer = shop.start(40).await.unwrap();
    let PaymentEvent::Paid { checkout_id, .. } = paid(&answer) else {
        panic!("a payment")
    };
    let strangers = [
        ("chk_unknown".into(), "cs_x"),
        (checkout_id, "cs_of_another_shop"),
    ];
    for (checkout_id, provider_ref) in strangers {
        let event = PaymentEvent::Paid {
            event_id: "evt_1".to_owned(),
            checkout_id,
            provider_ref: provider_ref.to_owned(),
        };
        assert_eq!(
            apply_payment_event(&shop.world.bus, event).await,
            Ok(Applied::NotOurs)
        );
    }
    let other = PaymentEvent::Other {
        event_id: "evt_2".to_owned(),
        kind: "customer.created".to_owned(),
    };
    assert_eq!(
        apply_payment_event(&shop.world.bus, other).await,
        Ok(Applied::NotOurs)
    );
    assert_eq!(shop.balance().await, 0);
}

#[tokio::test]
async fn what_was_paid_is_granted_to_a_closed_account_too() {
    let shop = Shop::open().await;
    let answer = shop.start(40).await.unwrap();
    let account_id = shop.buyer.account.clone();
    shop.world.operator(CloseAccount { account_id }).await.unwrap();
    assert_eq!(
        apply_payment_event(&shop.world.bus, paid(&answer)).await,
        Ok(Applied::Granted)
    );
    assert_eq!(shop.balance().await, 40_000_000);
    assert_eq!(code(shop.start(40).await), "account_closed");
}

#[tokio::test]
async fn a_named_request_opens_one_page() {
    let shop = Shop::open().await;
    let request = || Request::new(shop.buyer.caller.clone(), "spec").once("key");
    let first = shop.world.bus.execute(&purchase(40), request()).await.unwrap();
    let again = shop.world.bus.execute(&purchase(40), request()).await.unwrap();
    assert_eq!((again.replayed, &again.result), (true, &first.result));
    let tokens: Vec<String> = shop
        .provider
        .asked
        .lock()
        .iter()
        .map(|(token, _)| token.clone())
        .collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    let other = shop.world.bus.execute(&purchase(41), request()).await;
    assert_eq!(code(other), "idempotency_key_reused");
    let unnamed = shop.start(40).await.unwrap();
    assert_ne!(unnamed.result, first.result);
}

#[tokio::test]
async fn where_the_provider_fails_nothing_is_stored() {
    let failures = [
        (PaymentError::Refused("no".to_owned()), "payment_refused"),
        (
            PaymentError::Misconfigured("no".to_owned()),
            "payments_misconfigured",
        ),
        (PaymentError::Unavailable("no".to_owned()), "payments_unavailable"),
    ];
    let shop = Shop::open().await;
    let events = shop.world.event_types().len();
    for (failure, expected) in failures {
        *shop.provider.failure.lock() = Some(failure);
        assert_eq!(code(shop.start(40).await), expected);
    }
    assert_eq!(shop.world.event_types().len(), events);
    *shop.provider.failure.lock() = None;
    shop.start(40).await.unwrap();
}

#[tokio::test]
async fn without_a_provider_the_call_says_so() {
    let world = World::new();
    let buyer = world.account("acme", Dialect::Tropic).await;
    let error = world.by(&buyer.caller, purchase(1000)).await.unwrap_err();
    assert_eq!(error.code(), "payments_not_configured");
    assert_eq!(error.to_string(), "no payment provider is configured");
}

#[tokio::test]
async fn absurd_purchases_never_reach_the_provider() {
    let shop = Shop::open().await;
    for quantity in [0, 1_000_001, u32::MAX] {
        assert_eq!(code(shop.start(quantity).await), "quantity_invalid");
    }
    let small = shop.start(19).await.unwrap_err();
    assert_eq!(small.code(), "purchase_too_small");
    assert_eq!(small.to_string(), "the smallest purchase is 20 credits ($0.50)");
    let long = format!("https://a.example/{}", "x".repeat(2048));
    for url in [
        "",
        "/credits",
        "ftp://a.example",
        "javascript:alert(1)",
        "https://",
        "tropic.bot",
        &long,
    ] {
        let success = StartCreditCheckout {
            success_url: url.to_owned(),
            ..purchase(40)
        };
        let cancel = StartCreditCheckout {
            cancel_url: url.to_owned(),
            ..purchase(40)
        };
        for purchase in [success, cancel] {
            assert_eq!(
                code(shop.world.by(&shop.buyer.caller, purchase).await),
                "invalid_command",
                "{url}"
            );
        }
    }
    assert!(shop.provider.asked.lock().is_empty());
}

#[tokio::test]
async fn one_buys_for_ones_own_account() {
    let shop = Shop::open().await;
    let other = shop.world.account("other", Dialect::Tropic).await;
    let theirs = StartCreditCheckout {
        account_id: Some(other.account),
        ..purchase(40)
    };
    assert_eq!(code(shop.world.by(&shop.buyer.caller, theirs).await), "not_found");
}
