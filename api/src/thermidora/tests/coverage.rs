//! Every behaviour and endpoint of the contract is named by a test, and no test names what is not there.

use super::client::CONTRACT;
use crate::contract::coverage::{Coverage, listed};

/// Behaviours without a test.
const WITHOUT_TEST: &str = include_str!("without_test.txt");
/// Endpoints that are not served.
const NOT_SERVED: &str = include_str!("not_served.txt");

fn coverage() -> Coverage<'static> {
    Coverage {
        contract: &CONTRACT,
        dialect: "thermidora",
        places: &[
            "api/src/thermidora",
            "tests/thermidora",
            "tests/nodes",
            "tests/mail",
        ],
    }
}

#[test]
fn every_behaviour_is_named_by_a_test() {
    assert_eq!(
        CONTRACT.behaviours().len(),
        143,
        "132 behaviours and 11 that cut across"
    );
    assert_eq!(coverage().behaviours_without_test(), listed(WITHOUT_TEST));
}

#[test]
fn every_endpoint_is_served_and_called_by_a_test() {
    assert_eq!(CONTRACT.endpoints().count(), 33);
    let missing = coverage().endpoints_not_served(crate::thermidora::api().routes());
    assert_eq!(missing, listed(NOT_SERVED));
}
