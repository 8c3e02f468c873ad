//! Every behaviour and endpoint of the contract is named by a test, and no test names what is not there.

use super::client::CONTRACT;
use crate::contract::coverage::{Coverage, listed};

/// Behaviours without a test.
const WITHOUT_TEST: &str = include_str!("without_test.txt");

fn coverage() -> Coverage<'static> {
    Coverage {
        contract: &CONTRACT,
        dialect: "tropic",
        places: &[
            "api/src/tropic",
            "tests/tropic",
            "tests/nodes",
            "api/src/limit/windows",
        ],
    }
}

#[test]
fn every_behaviour_is_named_by_a_test() {
    assert_eq!(
        CONTRACT.behaviours().len(),
        228,
        "215 behaviours and 13 that cut across"
    );
    assert_eq!(coverage().behaviours_without_test(), listed(WITHOUT_TEST));
}

#[test]
fn every_endpoint_is_served_and_called_by_a_test() {
    assert_eq!(CONTRACT.endpoints().count(), 41);
    let missing = coverage().endpoints_not_served(crate::tropic::api().routes());
    assert!(missing.is_empty(), "not served: {missing:?}");
}
