//! What a ledger can be asked.

use super::LedgerUnit;
use crate::{AccountId, CheckoutId, EntryId, RuntimeId, UserId};

/// What a ledger can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerCommand {
    /// Begin at zero, with the account.
    Open {
        /// Whose ledger.
        account_id: AccountId,
        /// What it counts in.
        unit: LedgerUnit,
    },
    /// Add credits. The same grant again changes nothing.
    GrantCredits {
        /// Whose ledger.
        account_id: AccountId,
        /// Id of the entry.
        entry_id: EntryId,
        /// What makes the grant recognisable, 1 to 128 characters.
        grant_id: String,
        /// How much, in micro-credits, at least 1.
        amount_micro: u64,
        /// What for, up to 500 bytes.
        description: String,
    },
    /// Charge one interval of a running runtime. The same interval again changes nothing.
    ChargeRuntime {
        /// Whose ledger.
        account_id: AccountId,
        /// Id of the entry.
        entry_id: EntryId,
        /// Which runtime.
        runtime_id: RuntimeId,
        /// Which run of it: grows with every start.
        run: u64,
        /// Which interval of the run, from 0.
        interval: u64,
        /// How long it ran in that interval, in milliseconds, up to 31 days.
        elapsed_ms: u64,
        /// What an hour costs, in micro-credits.
        rate_micro_per_hour: u64,
        /// Charges are whole multiples of this many micro-credits.
        quantum_micro: u64,
    },
    /// A payment provider has opened a payment page for a purchase. The same checkout again changes nothing.
    StartCheckout {
        /// Whose ledger.
        account_id: AccountId,
        /// Id of the checkout.
        checkout_id: CheckoutId,
        /// Who buys.
        user_id: UserId,
        /// How many credits, 1 to 1,000,000.
        credits: u32,
        /// What the provider calls it, 1 to 255 characters.
        provider_ref: String,
    },
    /// The payment provider has confirmed the payment. Again changes nothing.
    CompleteCheckout {
        /// Id of the checkout.
        checkout_id: CheckoutId,
        /// What the provider calls it: must be what it was called when it was started.
        provider_ref: String,
        /// Id of the entry.
        entry_id: EntryId,
    },
}
