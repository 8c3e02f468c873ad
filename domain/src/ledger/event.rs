//! What can happen to a ledger.

use super::LedgerUnit;
use crate::{AccountId, CheckoutId, EntryId, RuntimeId, UserId, event::events};

events! {
    /// What can happen to a ledger.
    pub enum LedgerEvent {
        /// It begins at zero.
        Opened = "LedgerOpened", 1 {
            /// Whose ledger.
            account_id: AccountId,
            /// What it counts in.
            #[serde(default, skip_serializing_if = "LedgerUnit::is_credit")]
            unit: LedgerUnit,
        },
        /// Credits were added.
        CreditsGranted = "CreditsGranted", 1 {
            /// Whose ledger.
            account_id: AccountId,
            /// Id of the entry.
            entry_id: EntryId,
            /// What makes the grant recognisable.
            grant_id: String,
            /// How much, in micro-credits.
            amount_micro: u64,
            /// What for.
            description: String,
        },
        /// An interval was charged; the amount is 0 where rounding or an empty ledger left nothing to take.
        CreditsDeducted = "CreditsDeducted", 1 {
            /// Whose ledger.
            account_id: AccountId,
            /// Id of the entry.
            entry_id: EntryId,
            /// Which runtime.
            runtime_id: RuntimeId,
            /// Which run of it.
            run: u64,
            /// Which interval of the run, from 0.
            interval: u64,
            /// How long it ran in that interval, in milliseconds.
            elapsed_ms: u64,
            /// What was taken, in micro-credits.
            amount_micro: u64,
            /// What rounding left to charge, in micro-credits times milliseconds per hour.
            carry: i64,
            /// How much of that time the amount pays for, in milliseconds, where the balance did not cover all of it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            covered_ms: Option<u64>,
        },
        /// Nothing is left.
        BalanceExhausted = "BalanceExhausted", 1 {
            /// Whose ledger.
            account_id: AccountId,
            /// The runtime whose charge used it up.
            runtime_id: RuntimeId,
        },
        /// Somebody was sent to a payment page; nothing is paid yet.
        CheckoutStarted = "CheckoutStarted", 1 {
            /// Whose ledger.
            account_id: AccountId,
            /// Id of the checkout.
            checkout_id: CheckoutId,
            /// Who buys.
            user_id: UserId,
            /// How many credits.
            credits: u32,
            /// What they cost, in US cents.
            price_cents: u64,
            /// What the payment provider calls it.
            provider_ref: String,
        },
        /// A checkout was paid, and its credits were added.
        CreditsPurchased = "CreditsPurchased", 1 {
            /// Whose ledger.
            account_id: AccountId,
            /// Id of the entry.
            entry_id: EntryId,
            /// Id of the checkout.
            checkout_id: CheckoutId,
            /// Who bought.
            user_id: UserId,
            /// How many credits.
            credits: u32,
            /// What they cost, in US cents.
            price_cents: u64,
            /// How much was added, in micro-credits.
            amount_micro: u64,
        },
    }
}
