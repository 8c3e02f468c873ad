//! Buying credits: what was agreed when a checkout was started is what its payment gives, once.

use serde::{Deserialize, Serialize};

use super::{Ledger, LedgerEvent, LedgerRefusal};
use crate::{AccountId, CheckoutId, EntryId, UserId, text};

/// Micro-credits of one credit.
const CREDIT_MICRO: u64 = 1_000_000;

/// A purchase that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Who buys.
    pub user_id: UserId,
    /// How many credits.
    pub credits: u32,
    /// What they cost, in US cents.
    pub price_cents: u64,
    /// What the payment provider calls it.
    pub provider_ref: String,
    /// Whether the credits were added.
    pub paid: bool,
}

/// What that many credits cost, in US cents: 0.025 USD each (tropic.list-transactions.5). Half a cent is
/// rounded up.
pub fn price_cents(credits: u32) -> u64 {
    (u64::from(credits) * 5).div_ceil(2)
}

impl Ledger {
    pub(super) fn start_checkout(
        &self,
        account_id: AccountId,
        checkout_id: CheckoutId,
        user_id: UserId,
        credits: u32,
        provider_ref: &str,
    ) -> Result<Vec<LedgerEvent>, LedgerRefusal> {
        if !(1..=Self::MAX_PURCHASE_CREDITS).contains(&credits) {
            return Err(LedgerRefusal::QuantityInvalid {
                limit: Self::MAX_PURCHASE_CREDITS,
            });
        }
        let provider_ref = text::name(provider_ref, 255).ok_or(LedgerRefusal::ProviderRefInvalid)?;
        if let Some(started) = self.checkouts.get(&checkout_id) {
            let same = (&started.user_id, started.credits, &started.provider_ref)
                == (&user_id, credits, &provider_ref);
            return if same {
                Ok(vec![])
            } else {
                Err(LedgerRefusal::CheckoutConflict)
            };
        }
        self.room_for(credits)?;
        Ok(vec![LedgerEvent::CheckoutStarted {
            account_id,
            checkout_id,
            user_id,
            credits,
            price_cents: price_cents(credits),
            provider_ref,
        }])
    }

    pub(super) fn complete_checkout(
        &self,
        checkout_id: CheckoutId,
        provider_ref: &str,
        entry_id: EntryId,
    ) -> Result<Vec<LedgerEvent>, LedgerRefusal> {
        let (Some(account_id), Some(checkout)) = (&self.account_id, self.checkouts.get(&checkout_id)) else {
            return Err(LedgerRefusal::CheckoutNotFound);
        };
        if checkout.provider_ref != provider_ref {
            return Err(LedgerRefusal::CheckoutConflict);
        }
        if checkout.paid {
            return Ok(vec![]);
        }
        Ok(vec![LedgerEvent::CreditsPurchased {
            account_id: account_id.clone(),
            entry_id,
            checkout_id,
            user_id: checkout.user_id.clone(),
            credits: checkout.credits,
            price_cents: checkout.price_cents,
            amount_micro: self.room_for(checkout.credits)?,
        }])
    }

    /// The credits in micro-credits, if the balance can hold them too.
    fn room_for(&self, credits: u32) -> Result<u64, LedgerRefusal> {
        let amount_micro = u64::from(credits) * CREDIT_MICRO;
        self.balance_micro
            .checked_add(amount_micro)
            .filter(|balance| *balance <= Self::MAX_BALANCE_MICRO)
            .map(|_| amount_micro)
            .ok_or(LedgerRefusal::AmountInvalid {
                limit: Self::MAX_BALANCE_MICRO,
            })
    }
}

#[cfg(test)]
mod tests;
