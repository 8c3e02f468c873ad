//! Specs of the ledger.

use super::{LedgerCommand as Do, LedgerEvent as Did, LedgerRefusal as No, *};
use crate::spec::given;

const CREDIT: u64 = 1_000_000;

fn grant(id: &str, amount_micro: u64) -> Do {
    Do::GrantCredits {
        account_id: "acc_1".into(),
        entry_id: "txn_g".into(),
        grant_id: id.to_owned(),
        amount_micro,
        description: "welcome".to_owned(),
    }
}

fn granted(id: &str, amount_micro: u64) -> Did {
    Did::CreditsGranted {
        account_id: "acc_1".into(),
        entry_id: "txn_g".into(),
        grant_id: id.to_owned(),
        amount_micro,
        description: "welcome".to_owned(),
    }
}

/// Five minutes at 5 credits an hour, two decimals.
fn charge(run: u64, interval: u64) -> Do {
    charge_of(run, interval, 300_000, 5 * CREDIT, 10_000)
}

fn charge_of(run: u64, interval: u64, elapsed_ms: u64, rate: u64, quantum: u64) -> Do {
    Do::ChargeRuntime {
        account_id: "acc_1".into(),
        entry_id: "txn_c".into(),
        runtime_id: "rt_1".into(),
        run,
        interval,
        elapsed_ms,
        rate_micro_per_hour: rate,
        quantum_micro: quantum,
    }
}

fn amounts(ledger: &mut Ledger, commands: impl IntoIterator<Item = Do>) -> Vec<u64> {
    let mut taken = Vec::new();
    for command in commands {
        for event in ledger.decide(command).unwrap() {
            ledger.evolve(&event);
            if let Did::CreditsDeducted { amount_micro, .. } = event {
                taken.push(amount_micro);
            }
        }
    }
    taken
}

fn funded(micro: u64) -> Ledger {
    given::<Ledger>([granted("g", micro)]).state().clone()
}

#[test]
fn it_opens_once() {
    let open = Do::Open {
        account_id: "acc_1".into(),
        unit: LedgerUnit::Usd,
    };
    given::<Ledger>([])
        .when(open.clone())
        .then([Did::Opened {
            account_id: "acc_1".into(),
            unit: LedgerUnit::Usd,
        }])
        .when(open.clone())
        .nothing();
    given::<Ledger>([granted("g", 5)]).when(open).nothing();
}

#[test]
fn what_is_not_covered_counts_as_unpaid() {
    // A minute at six dollars an hour is ten cents; seven and a half are left.
    let mut ledger = funded(75_000);
    let events = ledger.decide(charge_of(1, 0, 60_000, 6_000_000, 1)).unwrap();
    let Did::CreditsDeducted {
        amount_micro,
        covered_ms,
        ..
    } = &events[0]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*amount_micro, *covered_ms), (75_000, Some(45_000)));
    for event in &events {
        ledger.evolve(event);
    }
    assert_eq!(ledger.balance_micro, 0);
    assert!(ledger.exhausted);
    let covered = funded(100_000)
        .decide(charge_of(1, 0, 60_000, 6_000_000, 1))
        .unwrap();
    assert!(matches!(
        &covered[0],
        Did::CreditsDeducted { covered_ms: None, .. }
    ));
}

#[test]
fn minutes_at_five_cents_an_hour_make_the_hour_exactly() {
    let mut ledger = funded(1_000_000);
    let minutes = (0..60).map(|interval| charge_of(1, interval, 60_000, 50_000, 1));
    let taken = amounts(&mut ledger, minutes);
    assert_eq!(taken[..3], [833, 834, 833]);
    assert_eq!(taken.iter().sum::<u64>(), 50_000);
}

#[test]
fn a_grant_counts_once() {
    let done = given::<Ledger>([])
        .when(grant("g1", 5))
        .then([granted("g1", 5)])
        .when(grant("g1", 5))
        .nothing()
        .when(grant("g1", 6))
        .refused(No::GrantConflict)
        .when(grant("g2", 6))
        .then([granted("g2", 6)]);
    assert_eq!(done.state().balance_micro, 11);
}

#[test]
fn absurd_grants_are_refused() {
    let limit = Ledger::MAX_BALANCE_MICRO;
    for amount in [0, u64::MAX, limit + 1] {
        given::<Ledger>([])
            .when(grant("g", amount))
            .refused(No::AmountInvalid { limit });
    }
    given::<Ledger>([granted("g", limit)])
        .when(grant("h", 1))
        .refused(No::AmountInvalid { limit });
    given::<Ledger>([]).when(grant("", 1)).refused(No::GrantInvalid);
}

#[test]
fn twelve_charges_of_five_minutes_make_the_hour_exactly() {
    let mut ledger = funded(100 * CREDIT);
    let taken = amounts(&mut ledger, (0..12).map(|interval| charge(1, interval)));
    assert_eq!(taken[..3], [420_000, 410_000, 420_000]);
    assert_eq!(taken.iter().sum::<u64>(), 5 * CREDIT);
    assert_eq!(ledger.balance_micro, 95 * CREDIT);
}

#[test]
fn an_interval_is_charged_once() {
    let mut ledger = funded(100 * CREDIT);
    let taken = amounts(
        &mut ledger,
        [
            charge(1, 0),
            charge(1, 0),
            charge(1, 1),
            charge(1, 0),
            charge(2, 0),
        ],
    );
    assert_eq!(taken.len(), 3);
    assert_eq!(amounts(&mut ledger, [charge(1, 7), charge(2, 0)]), [] as [u64; 0]);
}

#[test]
fn rounding_is_carried_over_runs() {
    let mut ledger = funded(100 * CREDIT);
    // Each run of 6 s costs 0.008333 credits: rounded alone it would always be 0.01.
    let taken = amounts(
        &mut ledger,
        (1..=6).map(|run| charge_of(run, 0, 6_000, 5 * CREDIT, 10_000)),
    );
    assert_eq!(taken.iter().sum::<u64>(), 50_000);
}

#[test]
fn the_balance_ends_at_zero_and_says_so_once() {
    let mut ledger = funded(500_000);
    assert_eq!(amounts(&mut ledger, [charge(1, 0)]), [420_000]);
    let events = ledger.decide(charge(1, 1)).unwrap();
    assert!(matches!(
        events.as_slice(),
        [
            Did::CreditsDeducted {
                amount_micro: 80_000,
                ..
            },
            Did::BalanceExhausted { .. }
        ]
    ));
    for event in &events {
        ledger.evolve(event);
    }
    assert_eq!((ledger.balance_micro, ledger.exhausted), (0, true));
    let again = ledger.decide(charge(1, 2)).unwrap();
    assert!(matches!(
        again.as_slice(),
        [Did::CreditsDeducted { amount_micro: 0, .. }]
    ));
}

#[test]
fn an_exact_charge_exhausts_too_and_a_grant_ends_it() {
    let mut ledger = funded(420_000);
    let events = ledger.decide(charge(1, 0)).unwrap();
    assert!(matches!(events.last(), Some(Did::BalanceExhausted { .. })));
    for event in &events {
        ledger.evolve(event);
    }
    ledger.evolve(&granted("more", 1));
    assert!(!ledger.exhausted);
}

#[test]
fn an_empty_ledger_is_exhausted_by_its_first_charge() {
    let done = given::<Ledger>([]).when(charge(1, 0));
    let events = done.outcome().as_ref().unwrap();
    assert!(matches!(
        events.as_slice(),
        [
            Did::CreditsDeducted { amount_micro: 0, .. },
            Did::BalanceExhausted { .. }
        ]
    ));
}

#[test]
fn what_costs_nothing_is_not_metered() {
    given::<Ledger>([]).when(charge_of(1, 0, 300_000, 0, 1)).nothing();
    given::<Ledger>([])
        .when(charge_of(1, 0, 0, 5 * CREDIT, 1))
        .nothing();
}

#[test]
fn absurd_charges_are_refused() {
    for (elapsed, rate, quantum) in [(u64::MAX, 1, 1), (1, u64::MAX, 1), (1, 1, 0), (1, 1, u64::MAX)] {
        given::<Ledger>([])
            .when(charge_of(1, 0, elapsed, rate, quantum))
            .refused(No::ChargeInvalid);
    }
}

#[test]
fn a_coarser_quantum_after_a_finer_one_never_gives_money_back() {
    let mut ledger = funded(100 * CREDIT);
    let before = ledger.balance_micro;
    amounts(
        &mut ledger,
        [
            charge_of(1, 0, 1, 5 * CREDIT, 1_000_000_000),
            charge_of(1, 1, 1, 5 * CREDIT, 1),
            charge_of(1, 2, 360_000, 5 * CREDIT, 1),
        ],
    );
    let (ms, price) = (360_002_u64, 5 * CREDIT);
    assert!((before - ledger.balance_micro).abs_diff(ms * price / 3_600_000) <= 1);
}
