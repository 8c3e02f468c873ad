//! Specs of what new accounts start on.

use super::*;

#[test]
fn a_price_of_the_server_takes_the_place_of_the_dialects_own() {
    let prices = HashMap::from([(Dialect::Thermidora, 0), (Dialect::Tropic, Plan::MAX_PRICE_MICRO)]);
    let plans = Plans::priced(prices).unwrap();
    for dialect in Dialect::ALL {
        let usual = Plan::for_dialect(dialect);
        let price = match dialect {
            Dialect::Thermidora => 0,
            Dialect::Tropic => Plan::MAX_PRICE_MICRO,
            Dialect::Native | Dialect::Agentbot | Dialect::Expressclaw | Dialect::Agento => {
                usual.price_micro_per_hour
            }
        };
        let expected = Plan {
            price_micro_per_hour: price,
            ..usual
        };
        assert_eq!(plans.of(dialect), expected);
    }
}

#[test]
fn a_price_that_no_plan_may_have_is_refused() {
    let refused = Plans::priced(HashMap::from([(Dialect::Agento, Plan::MAX_PRICE_MICRO + 1)]));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "an hour costs at most 1000000000000 micro-credits, not 1000000000001 (agento)"
    );
}
