//! Specs of checkouts.

use super::{LedgerEvent as Did, LedgerRefusal as No, *};
use crate::{
    ledger::LedgerCommand as Do,
    spec::{Given, given},
};

fn start(checkout: &str, credits: u32) -> Do {
    Do::StartCheckout {
        account_id: "acc_1".into(),
        checkout_id: checkout.into(),
        user_id: "user_1".into(),
        credits,
        provider_ref: format!("cs_{checkout}"),
    }
}

fn started(checkout: &str, credits: u32) -> Did {
    Did::CheckoutStarted {
        account_id: "acc_1".into(),
        checkout_id: checkout.into(),
        user_id: "user_1".into(),
        credits,
        price_cents: price_cents(credits),
        provider_ref: format!("cs_{checkout}"),
    }
}

fn complete(checkout: &str) -> Do {
    Do::CompleteCheckout {
        checkout_id: checkout.into(),
        provider_ref: format!("cs_{checkout}"),
        entry_id: "txn_1".into(),
    }
}

fn purchased(checkout: &str, credits: u32) -> Did {
    Did::CreditsPurchased {
        account_id: "acc_1".into(),
        entry_id: "txn_1".into(),
        checkout_id: checkout.into(),
        user_id: "user_1".into(),
        credits,
        price_cents: price_cents(credits),
        amount_micro: u64::from(credits) * 1_000_000,
    }
}

fn began() -> Given<Ledger> {
    given([started("chk_a", 1000)])
}

#[test]
fn a_thousand_credits_cost_twenty_five_dollars() {
    let prices = [(1, 3), (2, 5), (20, 50), (1000, 2500), (1_000_000, 2_500_000)];
    for (credits, cents) in prices {
        assert_eq!(price_cents(credits), cents, "{credits}");
    }
}

#[test]
fn starting_changes_no_balance() {
    let done = given::<Ledger>([])
        .when(start("chk_a", 1000))
        .then([started("chk_a", 1000)]);
    assert_eq!(done.state().balance_micro, 0);
    done.when(start("chk_a", 1000))
        .nothing()
        .when(start("chk_a", 1001))
        .refused(No::CheckoutConflict);
}

#[test]
fn a_payment_counts_once_however_often_it_is_told() {
    let mut done = began().when(complete("chk_a")).then([purchased("chk_a", 1000)]);
    for _ in 0..4 {
        done = done.when(complete("chk_a")).nothing();
    }
    assert_eq!(done.state().balance_micro, 1_000_000_000);
}

#[test]
fn an_unknown_checkout_gives_nothing() {
    given::<Ledger>([])
        .when(complete("chk_a"))
        .refused(No::CheckoutNotFound);
    began().when(complete("chk_b")).refused(No::CheckoutNotFound);
}

#[test]
fn a_checkout_is_paid_by_its_own_payment_only() {
    let other = Do::CompleteCheckout {
        checkout_id: "chk_a".into(),
        provider_ref: "cs_of_another_shop".to_owned(),
        entry_id: "txn_1".into(),
    };
    began().when(other).refused(No::CheckoutConflict);
}

#[test]
fn a_purchase_lifts_exhaustion() {
    let exhausted = Did::BalanceExhausted {
        account_id: "acc_1".into(),
        runtime_id: "rt_1".into(),
    };
    let done = given::<Ledger>([started("chk_a", 20), exhausted])
        .when(complete("chk_a"))
        .then([purchased("chk_a", 20)]);
    assert!(!done.state().exhausted);
}

#[test]
fn absurd_purchases_are_refused() {
    let limit = Ledger::MAX_PURCHASE_CREDITS;
    for credits in [0, limit + 1, u32::MAX] {
        given::<Ledger>([])
            .when(start("chk_a", credits))
            .refused(No::QuantityInvalid { limit });
    }
    for provider_ref in ["", " ", "a\nb", &"x".repeat(256)] {
        let start = Do::StartCheckout {
            account_id: "acc_1".into(),
            checkout_id: "chk_a".into(),
            user_id: "user_1".into(),
            credits: 1,
            provider_ref: provider_ref.to_owned(),
        };
        given::<Ledger>([]).when(start).refused(No::ProviderRefInvalid);
    }
}

#[test]
fn a_full_ledger_sells_nothing() {
    let full = Did::CreditsGranted {
        account_id: "acc_1".into(),
        entry_id: "txn_g".into(),
        grant_id: "g".to_owned(),
        amount_micro: Ledger::MAX_BALANCE_MICRO,
        description: String::new(),
    };
    let limit = Ledger::MAX_BALANCE_MICRO;
    given::<Ledger>([full.clone()])
        .when(start("chk_a", 1))
        .refused(No::AmountInvalid { limit });
    given::<Ledger>([started("chk_a", 1), full])
        .when(complete("chk_a"))
        .refused(No::AmountInvalid { limit });
}
