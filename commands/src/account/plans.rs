//! The plans that new accounts start on.

use std::collections::HashMap;

use reef_domain::{Dialect, account::Plan};

/// The usual plan of each dialect, at the prices of this server.
#[derive(Debug, Clone, Default)]
pub struct Plans {
    prices: HashMap<Dialect, u64>,
}

/// A price that no plan may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an hour costs at most {} micro-credits, not {price} ({})", Plan::MAX_PRICE_MICRO, .dialect.name())]
pub struct PriceTooHigh {
    dialect: Dialect,
    price: u64,
}

impl Plans {
    /// With these prices of an hour, in micro-credits (for Thermidora micro-dollars); a dialect that is not
    /// named has its own. 0: nothing is metered and no balance needed.
    pub fn priced(prices: HashMap<Dialect, u64>) -> Result<Self, PriceTooHigh> {
        match prices.iter().find(|(_, price)| **price > Plan::MAX_PRICE_MICRO) {
            Some((&dialect, &price)) => Err(PriceTooHigh { dialect, price }),
            None => Ok(Self { prices }),
        }
    }

    /// The plan that an account of that dialect is opened on.
    pub fn of(&self, dialect: Dialect) -> Plan {
        let usual = Plan::for_dialect(dialect);
        let price = self.prices.get(&dialect);
        Plan {
            price_micro_per_hour: price.copied().unwrap_or(usual.price_micro_per_hour),
            ..usual
        }
    }
}

#[cfg(test)]
mod tests;
