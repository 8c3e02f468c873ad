//! Ledger: the balance of an account in millionths of its unit: micro-credits, or micro-dollars.
//!
//! **Invariants:** the balance is never below zero and is the sum of all entries; a grant is applied
//! once per grant id; time is charged once per (runtime, run, interval); a checkout is paid once, for what
//! was agreed when it was started.
//!
//! A charge is the running total of what is due, rounded to the plan's quantum, less what was charged
//! before: 12 charges of five minutes at 5 credits an hour and two decimals make 0.42, 0.41, 0.42 ...
//! and exactly 5.00 together. What rounding left over (or took too much) is carried per runtime.
//! What the balance does not cover is not charged later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, CheckoutId, Decider, EntryId, RuntimeId, text};

mod checkout;
mod command;
mod event;
mod refusal;
mod unit;

pub use checkout::{Checkout, price_cents};
pub use command::LedgerCommand;
pub use event::LedgerEvent;
pub use refusal::LedgerRefusal;
pub use unit::LedgerUnit;

/// The ledger of an account, as far as decisions need it; entries are a view.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Whose it is, once something happened to it.
    pub account_id: Option<AccountId>,
    /// What it counts in.
    #[serde(default)]
    pub unit: LedgerUnit,
    /// What is left, in micro-credits.
    pub balance_micro: u64,
    /// Whether a charge used it up and nothing was granted since.
    pub exhausted: bool,
    /// Grants already applied, with their amounts.
    pub grants: BTreeMap<String, u64>,
    /// How far each runtime is charged.
    pub meters: BTreeMap<RuntimeId, Meter>,
    /// Purchases that were started, paid or not.
    #[serde(default)]
    pub checkouts: BTreeMap<CheckoutId, Checkout>,
}

/// How far a runtime is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// The run charged last.
    pub run: u64,
    /// The interval of that run charged last, from 0.
    pub interval: u64,
    /// How much of that run is charged, in milliseconds: it stays true when the plan's interval changes.
    #[serde(default)]
    pub charged_ms: u64,
    /// What rounding left to charge (or, negative, took too much), in micro-credits times milliseconds per hour.
    pub carry: i64,
}

/// Milliseconds of an hour.
const HOUR_MS: i128 = 3_600_000;

impl Ledger {
    /// Most a ledger holds, in micro-credits: nine billion credits, exact in every JSON reader.
    pub const MAX_BALANCE_MICRO: u64 = 9_000_000_000_000_000;
    /// Most credits one purchase is for.
    pub const MAX_PURCHASE_CREDITS: u32 = 1_000_000;
    /// Longest time one charge may cover, in milliseconds: 31 days.
    pub const MAX_ELAPSED_MS: u64 = 31 * 86_400_000;
}

impl Ledger {
    fn grant(
        &self,
        account_id: AccountId,
        entry_id: EntryId,
        grant_id: &str,
        amount_micro: u64,
        description: String,
    ) -> Result<Vec<LedgerEvent>, LedgerRefusal> {
        let grant_id = text::name(grant_id, 128).ok_or(LedgerRefusal::GrantInvalid)?;
        if !text::storable(&description, 500) {
            return Err(LedgerRefusal::GrantInvalid);
        }
        if let Some(applied) = self.grants.get(&grant_id) {
            return if *applied == amount_micro {
                Ok(vec![])
            } else {
                Err(LedgerRefusal::GrantConflict)
            };
        }
        let fits = self
            .balance_micro
            .checked_add(amount_micro)
            .is_some_and(|b| b <= Self::MAX_BALANCE_MICRO);
        if amount_micro == 0 || !fits {
            return Err(LedgerRefusal::AmountInvalid {
                limit: Self::MAX_BALANCE_MICRO,
            });
        }
        Ok(vec![LedgerEvent::CreditsGranted {
            account_id,
            entry_id,
            grant_id,
            amount_micro,
            description,
        }])
    }

    /// Whole amount due and what is carried on, after `elapsed_ms` more at that rate.
    fn due(&self, runtime: &RuntimeId, elapsed_ms: u64, rate: u64, quantum: u64) -> Option<(u64, i64)> {
        let carry = self.meters.get(runtime).map_or(0, |meter| meter.carry);
        let accrued = i128::from(elapsed_ms) * i128::from(rate) + i128::from(carry);
        let step = i128::from(quantum) * HOUR_MS;
        let steps = (accrued + step / 2).div_euclid(step).max(0);
        let due = u64::try_from(steps * i128::from(quantum)).ok()?;
        let carry = i64::try_from(accrued - steps * step).ok()?;
        Some((due, carry))
    }
}

/// The part of a time that a part of its price pays for.
fn part_of(elapsed_ms: u64, paid: u64, due: u64) -> u64 {
    let part = u128::from(elapsed_ms) * u128::from(paid) / u128::from(due.max(1));
    u64::try_from(part).unwrap_or(elapsed_ms)
}

impl Decider for Ledger {
    const TYPE: &'static str = "ledger";
    type Command = LedgerCommand;
    type Event = LedgerEvent;
    type Refusal = LedgerRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            LedgerCommand::Open { .. } if self.account_id.is_some() => Ok(vec![]),
            LedgerCommand::Open { account_id, unit } => Ok(vec![LedgerEvent::Opened { account_id, unit }]),
            LedgerCommand::GrantCredits {
                account_id,
                entry_id,
                grant_id,
                amount_micro,
                description,
            } => self.grant(account_id, entry_id, &grant_id, amount_micro, description),
            LedgerCommand::ChargeRuntime {
                account_id,
                entry_id,
                runtime_id,
                run,
                interval,
                elapsed_ms,
                rate_micro_per_hour: rate,
                quantum_micro: quantum,
            } => {
                let in_range = elapsed_ms <= Self::MAX_ELAPSED_MS
                    && rate <= crate::account::Plan::MAX_PRICE_MICRO
                    && (1..=crate::account::Plan::MAX_QUANTUM_MICRO).contains(&quantum);
                if !in_range {
                    return Err(LedgerRefusal::ChargeInvalid);
                }
                let charged = self.meters.get(&runtime_id);
                let again = charged.is_some_and(|meter| (run, interval) <= (meter.run, meter.interval));
                if again || rate == 0 || elapsed_ms == 0 {
                    return Ok(vec![]);
                }
                let (due, carry) = self
                    .due(&runtime_id, elapsed_ms, rate, quantum)
                    .ok_or(LedgerRefusal::ChargeInvalid)?;
                let amount_micro = due.min(self.balance_micro);
                let covered_ms = (amount_micro < due).then(|| part_of(elapsed_ms, amount_micro, due));
                let mut events = vec![LedgerEvent::CreditsDeducted {
                    account_id: account_id.clone(),
                    entry_id,
                    runtime_id: runtime_id.clone(),
                    run,
                    interval,
                    elapsed_ms,
                    amount_micro,
                    carry,
                    covered_ms,
                }];
                if self.balance_micro == amount_micro && !self.exhausted {
                    events.push(LedgerEvent::BalanceExhausted {
                        account_id,
                        runtime_id,
                    });
                }
                Ok(events)
            }
            LedgerCommand::StartCheckout {
                account_id,
                checkout_id,
                user_id,
                credits,
                provider_ref,
            } => self.start_checkout(account_id, checkout_id, user_id, credits, &provider_ref),
            LedgerCommand::CompleteCheckout {
                checkout_id,
                provider_ref,
                entry_id,
            } => self.complete_checkout(checkout_id, &provider_ref, entry_id),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            LedgerEvent::Opened { account_id, unit } => {
                self.account_id = Some(account_id.clone());
                self.unit = *unit;
            }
            LedgerEvent::CreditsGranted {
                account_id,
                grant_id,
                amount_micro,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.balance_micro = self.balance_micro.saturating_add(*amount_micro);
                self.grants.insert(grant_id.clone(), *amount_micro);
                self.exhausted = false;
            }
            LedgerEvent::CreditsDeducted {
                account_id,
                runtime_id,
                run,
                interval,
                elapsed_ms,
                amount_micro,
                carry,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.balance_micro = self.balance_micro.saturating_sub(*amount_micro);
                let before = self.meters.get(runtime_id).filter(|meter| meter.run == *run);
                let meter = Meter {
                    run: *run,
                    interval: *interval,
                    charged_ms: before
                        .map_or(0, |meter| meter.charged_ms)
                        .saturating_add(*elapsed_ms),
                    carry: *carry,
                };
                self.meters.insert(runtime_id.clone(), meter);
            }
            LedgerEvent::BalanceExhausted { account_id, .. } => {
                self.account_id = Some(account_id.clone());
                self.exhausted = true;
            }
            LedgerEvent::CheckoutStarted {
                account_id,
                checkout_id,
                user_id,
                credits,
                price_cents,
                provider_ref,
            } => {
                self.account_id = Some(account_id.clone());
                let checkout = Checkout {
                    user_id: user_id.clone(),
                    credits: *credits,
                    price_cents: *price_cents,
                    provider_ref: provider_ref.clone(),
                    paid: false,
                };
                self.checkouts.insert(checkout_id.clone(), checkout);
            }
            LedgerEvent::CreditsPurchased {
                account_id,
                checkout_id,
                amount_micro,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.balance_micro = self.balance_micro.saturating_add(*amount_micro);
                self.exhausted = false;
                if let Some(checkout) = self.checkouts.get_mut(checkout_id) {
                    checkout.paid = true;
                }
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Ledger(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
