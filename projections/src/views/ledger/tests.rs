//! Specs of the views of ledgers and entries.

use reef_domain::ledger::LedgerEvent as Did;

use super::*;
use crate::views::tests::log::doc;

fn opened() -> Did {
    Did::Opened {
        account_id: "acc_1".into(),
        unit: LedgerUnit::Usd,
    }
}

fn granted(amount_micro: u64) -> Did {
    Did::CreditsGranted {
        account_id: "acc_1".into(),
        entry_id: "txn_g".into(),
        grant_id: "g".to_owned(),
        amount_micro,
        description: "welcome".to_owned(),
    }
}

fn charged(amount_micro: u64, elapsed_ms: u64) -> Did {
    Did::CreditsDeducted {
        account_id: "acc_1".into(),
        entry_id: "txn_c".into(),
        runtime_id: "rt_1".into(),
        run: 1,
        interval: 0,
        elapsed_ms,
        amount_micro,
        carry: 0,
        covered_ms: None,
    }
}

fn exhausted() -> Did {
    Did::BalanceExhausted {
        account_id: "acc_1".into(),
        runtime_id: "rt_1".into(),
    }
}

fn purchased(credits: u32, price_cents: u64) -> Did {
    Did::CreditsPurchased {
        account_id: "acc_1".into(),
        entry_id: "txn_p".into(),
        checkout_id: "chk_1".into(),
        user_id: "user_1".into(),
        credits,
        price_cents,
        amount_micro: u64::from(credits) * 1_000_000,
    }
}

#[test]
fn a_balance_is_grants_and_purchases_less_charges() {
    let events = [opened(), granted(100), purchased(1, 3), charged(30, 1)];
    let doc = doc::<Ledgers>("acc_1", "acc_1", events).unwrap();
    assert_eq!(
        (
            doc.balance_micro,
            doc.granted_micro,
            doc.purchased_micro,
            doc.charged_micro
        ),
        (1_000_070, 100, 1_000_000, 30)
    );
}

#[test]
fn a_purchase_says_what_was_paid() {
    for (credits, cents, said) in [
        (1000, 2500, "1000 credits ($25.00)"),
        (1, 3, "1 credits ($0.03)"),
        (1_000_000, 2_500_000, "1000000 credits ($25000.00)"),
    ] {
        let entry = doc::<LedgerEntries>("acc_1", "txn_p", [purchased(credits, cents)]).unwrap();
        assert_eq!((entry.kind, &*entry.description), (EntryKind::Purchase, said));
        assert_eq!(entry.price_cents, Some(cents));
        assert_eq!(entry.amount_micro, i64::from(credits) * 1_000_000);
    }
}

#[test]
fn it_is_exhausted_until_something_is_granted_or_bought() {
    let status = |events: Vec<Did>| doc::<Ledgers>("acc_1", "acc_1", events).unwrap().status;
    assert_eq!(status(vec![opened()]), LedgerStatus::Funded);
    assert_eq!(status(vec![charged(0, 1), exhausted()]), LedgerStatus::Exhausted);
    assert_eq!(
        status(vec![charged(0, 1), exhausted(), granted(1)]),
        LedgerStatus::Funded
    );
    assert_eq!(
        status(vec![charged(0, 1), exhausted(), purchased(1, 3)]),
        LedgerStatus::Funded
    );
}

#[test]
fn entries_are_signed_and_described() {
    let entry = |id: &str, event: Did| doc::<LedgerEntries>("acc_1", id, [event]).unwrap();
    let grant = entry("txn_g", granted(100));
    assert_eq!(
        (grant.kind, grant.amount_micro, &*grant.description),
        (EntryKind::Grant, 100, "welcome")
    );
    let charge = entry("txn_c", charged(30, 300_000));
    assert_eq!(
        (charge.kind, charge.amount_micro, &*charge.description),
        (EntryKind::Runtime, -30, "runtime (5 min)")
    );
    assert_eq!(entry("txn_c", charged(30, 61_500)).description, "runtime (62 s)");
}

#[test]
fn a_charge_of_nothing_is_no_entry() {
    assert_eq!(doc::<LedgerEntries>("acc_1", "txn_c", [charged(0, 1)]), None);
}

#[test]
fn the_short_ids_of_a_ledger_are_six_letters_each_its_own() {
    let entry = |number| LedgerEntryDoc {
        id: "txn_1".into(),
        account_id: "acc_1".into(),
        number,
        kind: EntryKind::Grant,
        amount_micro: 1,
        description: String::new(),
        grant_id: None,
        runtime_id: None,
        elapsed_ms: None,
        checkout_id: None,
        price_cents: None,
        created_at: DateTime::UNIX_EPOCH,
    };
    let ids: std::collections::BTreeSet<String> = (0..20_000).map(|n| entry(n).short_id()).collect();
    assert_eq!(ids.len(), 20_000);
    let well_formed =
        |id: &String| id.len() == 6 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    assert!(ids.iter().all(well_formed));
    let last = 36_u64.pow(6) - 1;
    assert_ne!(entry(last).short_id(), entry(last - 1).short_id());
}
