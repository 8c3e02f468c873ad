//! Specs of the views of ledgers and entries.

use reef_domain::ledger::LedgerEvent as Did;

use super::*;
use crate::views::tests::log::doc;

fn opened() -> Did {
    Did::Opened {
        account_id: "acc_1".into(),
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
    }
}

fn exhausted() -> Did {
    Did::BalanceExhausted {
        account_id: "acc_1".into(),
        runtime_id: "rt_1".into(),
    }
}

#[test]
fn a_balance_is_grants_less_charges() {
    let doc = doc::<Ledgers>("acc_1", "acc_1", [opened(), granted(100), charged(30, 1)]).unwrap();
    assert_eq!(
        (doc.balance_micro, doc.granted_micro, doc.charged_micro),
        (70, 100, 30)
    );
}

#[test]
fn it_is_exhausted_until_something_is_granted() {
    let status = |events: Vec<Did>| doc::<Ledgers>("acc_1", "acc_1", events).unwrap().status;
    assert_eq!(status(vec![opened()]), LedgerStatus::Funded);
    assert_eq!(status(vec![charged(0, 1), exhausted()]), LedgerStatus::Exhausted);
    assert_eq!(
        status(vec![charged(0, 1), exhausted(), granted(1)]),
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
