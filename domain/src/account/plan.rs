//! What an account may do and what running costs it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Dialect, text};

/// A plan. Amounts are millionths of what the account's ledger counts in: micro-credits, or micro-dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Id of the plan, such as `standard`.
    pub id: String,
    /// Display name.
    pub name: String,
    /// What an hour of a running runtime costs, in micro-credits. 0: nothing is metered and no balance needed.
    #[serde(default = "Plan::default_price")]
    pub price_micro_per_hour: u64,
    /// How often a running runtime is charged, in seconds.
    #[serde(default = "Plan::default_interval")]
    pub metering_interval_s: u32,
    /// Charges are whole multiples of this many micro-credits; running totals are rounded, not each charge.
    #[serde(default = "Plan::default_quantum")]
    pub charge_quantum_micro: u64,
    /// How many agents of a user may be active at a time.
    #[serde(default = "Plan::default_agents")]
    pub max_active_agents: u32,
}

impl Plan {
    /// Most an hour may cost, in micro-credits: a million credits.
    pub const MAX_PRICE_MICRO: u64 = 1_000_000_000_000;
    /// Coarsest rounding, in micro-credits: a thousand credits.
    pub const MAX_QUANTUM_MICRO: u64 = 1_000_000_000;
    /// Most agents that may be active at a time.
    pub const MAX_AGENTS: u32 = 100_000;
    /// Longest metering interval, in seconds: a day.
    pub const MAX_INTERVAL_S: u32 = 86_400;

    /// The plan a new account of that dialect starts on.
    pub fn for_dialect(dialect: Dialect) -> Self {
        if dialect == Dialect::Thermidora {
            return Self::thermidora();
        }
        let quantum = match dialect {
            // Its clients see two decimals of a credit (tropic.get-balance.5).
            Dialect::Tropic => 10_000,
            Dialect::Native
            | Dialect::Agentbot
            | Dialect::Thermidora
            | Dialect::Expressclaw
            | Dialect::Agento => 1,
        };
        Self {
            charge_quantum_micro: quantum,
            ..Self::default()
        }
    }

    /// Five cents an hour, charged every minute, and as many agents as one likes: its document knows no limit.
    fn thermidora() -> Self {
        Self {
            price_micro_per_hour: 50_000,
            metering_interval_s: 60,
            max_active_agents: Self::MAX_AGENTS,
            ..Self::default()
        }
    }

    /// The plan with trimmed texts, if every figure is in range.
    pub(super) fn checked(self) -> Option<Self> {
        let id = text::name(&self.id, 100)?;
        let name = text::name(&self.name, 100)?;
        let in_range = self.price_micro_per_hour <= Self::MAX_PRICE_MICRO
            && (1..=Self::MAX_INTERVAL_S).contains(&self.metering_interval_s)
            && (1..=Self::MAX_QUANTUM_MICRO).contains(&self.charge_quantum_micro)
            && self.max_active_agents <= Self::MAX_AGENTS;
        in_range.then_some(Self { id, name, ..self })
    }

    fn default_price() -> u64 {
        5_000_000
    }

    fn default_interval() -> u32 {
        300
    }

    fn default_quantum() -> u64 {
        1
    }

    fn default_agents() -> u32 {
        5
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            id: "standard".to_owned(),
            name: "Standard".to_owned(),
            price_micro_per_hour: Self::default_price(),
            metering_interval_s: Self::default_interval(),
            charge_quantum_micro: Self::default_quantum(),
            max_active_agents: Self::default_agents(),
        }
    }
}
