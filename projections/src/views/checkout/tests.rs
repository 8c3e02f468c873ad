//! Specs of the view of purchases.

use reef_domain::ledger::LedgerEvent as Did;

use super::*;
use crate::views::tests::log::{at, doc};

fn started() -> Did {
    Did::CheckoutStarted {
        account_id: "acc_1".into(),
        checkout_id: "chk_1".into(),
        user_id: "user_1".into(),
        credits: 1000,
        price_cents: 2500,
        provider_ref: "cs_1".to_owned(),
    }
}

fn paid() -> Did {
    Did::CreditsPurchased {
        account_id: "acc_1".into(),
        entry_id: "txn_1".into(),
        checkout_id: "chk_1".into(),
        user_id: "user_1".into(),
        credits: 1000,
        price_cents: 2500,
        amount_micro: 1_000_000_000,
    }
}

#[test]
fn a_purchase_is_started_and_then_paid() {
    let open = doc::<Checkouts>("acc_1", "chk_1", [started()]).unwrap();
    assert_eq!((open.status, open.paid_at), (CheckoutStatus::Started, None));
    let done = doc::<Checkouts>("acc_1", "chk_1", [started(), paid()]).unwrap();
    assert_eq!((done.status, done.paid_at), (CheckoutStatus::Paid, Some(at(2))));
    assert_eq!(
        (done.credits, done.price_cents, &*done.provider_ref),
        (1000, 2500, "cs_1")
    );
}
