//! Specs of what runtimes were charged.

use reef_domain::ledger::{LedgerEvent, LedgerUnit};

use super::*;
use crate::views::kit::{Kit, at};

fn charge(runtime: &str, interval: u64, amount_micro: u64, covered_ms: Option<u64>) -> LedgerEvent {
    LedgerEvent::CreditsDeducted {
        account_id: "acc_1".into(),
        entry_id: "txn_1".into(),
        runtime_id: runtime.into(),
        run: 1,
        interval,
        elapsed_ms: 60_000,
        amount_micro,
        carry: 0,
        covered_ms,
    }
}

#[test]
fn only_what_was_paid_for_counts_as_billed() {
    let kit = Kit::<RuntimeCharges>::new()
        .then(
            "acc_1",
            LedgerEvent::Opened {
                account_id: "acc_1".into(),
                unit: LedgerUnit::Usd,
            },
        )
        .then("acc_1", charge("rt_1", 0, 833, None))
        .then("acc_1", charge("rt_2", 0, 833, None))
        .then("acc_1", charge("rt_1", 1, 417, Some(30_000)))
        .then("acc_1", charge("rt_1", 2, 0, Some(0)));
    assert_eq!(kit.ids(), ["rt_1", "rt_2"]);
    let doc = kit.doc("rt_1").unwrap();
    assert_eq!((doc.billed_ms, doc.charged_micro), (90_000, 1_250));
    assert_eq!((doc.created_at, doc.updated_at), (at(2), at(5)));
}
