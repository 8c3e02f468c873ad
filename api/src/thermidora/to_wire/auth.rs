//! Accounts.

use reef_projections::views::{account::AccountDoc, ledger::LedgerDoc};

use crate::thermidora::wire;

pub(in crate::thermidora) fn me(account: AccountDoc, ledger: Option<LedgerDoc>) -> wire::Me {
    wire::Me {
        account_id: account.id.to_string(),
        email: account.owner_email.unwrap_or_default(),
        name: account.name,
        balance_usd: dollars(ledger.map_or(0, |ledger| ledger.balance_micro)),
    }
}

/// A ledger holds at most 9 * 10^15: exact as a number of JSON.
#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn dollars(micro: u64) -> f64 {
    micro as f64 / 1e6
}
