//! What a ledger counts in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Dialect;

/// What a ledger counts in. Amounts are integers of its millionth part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LedgerUnit {
    /// Credits, which are bought.
    #[default]
    Credit,
    /// US dollars.
    Usd,
}

impl LedgerUnit {
    /// What ledgers of that dialect's accounts count in (contract/domain.md, section 3).
    pub fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Thermidora | Dialect::Expressclaw => Self::Usd,
            Dialect::Native | Dialect::Tropic | Dialect::Agentbot | Dialect::Agento => Self::Credit,
        }
    }

    /// Whether it is credits: what ledgers counted in before they said so.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(super) fn is_credit(&self) -> bool {
        *self == Self::Credit
    }
}
