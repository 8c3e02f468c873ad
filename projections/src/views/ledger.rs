//! Balances, and the entries they are made of. Amounts are millionths of what the ledger counts in: 1,000,000
//! micro-credits make one credit.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, CheckoutId, Decider, EntryId, Envelope, RuntimeId,
    ledger::{Ledger, LedgerEvent, LedgerUnit},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// Whether there is anything left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LedgerStatus {
    /// Charges can be taken.
    Funded,
    /// A charge used it up.
    Exhausted,
}

/// The balance of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerDoc {
    /// Id of the account.
    pub id: AccountId,
    /// What it counts in; amounts are millionths of that.
    pub unit: LedgerUnit,
    /// What is left.
    pub balance_micro: u64,
    /// All that was ever granted, in micro-credits.
    pub granted_micro: u64,
    /// All that was ever bought, in micro-credits.
    #[serde(default)]
    pub purchased_micro: u64,
    /// All that was ever charged, in micro-credits.
    pub charged_micro: u64,
    /// Whether there is anything left.
    pub status: LedgerStatus,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When the balance changed last.
    pub updated_at: DateTime<Utc>,
}

impl LedgerDoc {
    fn opened(account_id: &AccountId, at: DateTime<Utc>) -> Self {
        Self {
            id: account_id.clone(),
            unit: LedgerUnit::Credit,
            balance_micro: 0,
            granted_micro: 0,
            purchased_micro: 0,
            charged_micro: 0,
            status: LedgerStatus::Funded,
            created_at: at,
            updated_at: at,
        }
    }
}

impl Document for LedgerDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.id)
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        Some(match self.status {
            LedgerStatus::Funded => "funded",
            LedgerStatus::Exhausted => "exhausted",
        })
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of balances.
#[derive(Debug)]
pub struct Ledgers;

impl Projection for Ledgers {
    type Doc = LedgerDoc;
    const NAME: &'static str = "ledgers";
    const VERSION: u32 = 3;

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Ledger(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<LedgerDoc>, envelope: &Envelope) -> Option<LedgerDoc> {
        let AnyEvent::Ledger(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        let account_id = match event {
            LedgerEvent::Opened { account_id, .. }
            | LedgerEvent::CreditsGranted { account_id, .. }
            | LedgerEvent::CreditsDeducted { account_id, .. }
            | LedgerEvent::BalanceExhausted { account_id, .. }
            | LedgerEvent::CreditsPurchased { account_id, .. } => account_id,
            // Nothing is paid yet.
            LedgerEvent::CheckoutStarted { .. } => return doc,
        };
        let mut doc = doc.unwrap_or_else(|| LedgerDoc::opened(account_id, at));
        doc.updated_at = at;
        match event {
            LedgerEvent::Opened { unit, .. } => doc.unit = *unit,
            LedgerEvent::CheckoutStarted { .. } => {}
            LedgerEvent::CreditsPurchased { amount_micro, .. } => {
                doc.balance_micro = doc.balance_micro.saturating_add(*amount_micro);
                doc.purchased_micro = doc.purchased_micro.saturating_add(*amount_micro);
                doc.status = LedgerStatus::Funded;
            }
            LedgerEvent::CreditsGranted { amount_micro, .. } => {
                doc.balance_micro = doc.balance_micro.saturating_add(*amount_micro);
                doc.granted_micro = doc.granted_micro.saturating_add(*amount_micro);
                doc.status = LedgerStatus::Funded;
            }
            LedgerEvent::CreditsDeducted { amount_micro, .. } => {
                doc.balance_micro = doc.balance_micro.saturating_sub(*amount_micro);
                doc.charged_micro = doc.charged_micro.saturating_add(*amount_micro);
            }
            LedgerEvent::BalanceExhausted { .. } => doc.status = LedgerStatus::Exhausted,
        }
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Ledger::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Credits were granted.
    Grant,
    /// Credits were bought.
    Purchase,
    /// A runtime ran.
    Runtime,
}

/// One entry of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntryDoc {
    /// Its id.
    pub id: EntryId,
    /// Whose ledger.
    pub account_id: AccountId,
    /// Its number within the ledger, growing.
    pub number: u64,
    /// What it is for.
    pub kind: EntryKind,
    /// How much, in micro-credits; negative: it was charged.
    pub amount_micro: i64,
    /// What for, in words.
    pub description: String,
    /// The grant, for a grant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grant_id: Option<String>,
    /// The checkout that was paid, for a purchase.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checkout_id: Option<CheckoutId>,
    /// What was paid, in US cents, for a purchase.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price_cents: Option<u64>,
    /// The runtime that ran, for a charge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub runtime_id: Option<RuntimeId>,
    /// How long it ran, in milliseconds, for a charge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub elapsed_ms: Option<u64>,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
}

impl LedgerEntryDoc {
    /// Six lower-case letters or digits that no other entry of the ledger has, among its first two billion:
    /// for APIs whose ids of transactions are that short. Numbers that follow each other do not look it.
    pub fn short_id(&self) -> String {
        const ALNUM: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        const RANGE: u64 = 36_u64.pow(6);
        // Has no factor in common with the range, so that every number below it has a place of its own.
        const STEP: u64 = 1_145_324_611;
        let mut place = (self.number % RANGE) * STEP % RANGE;
        let mut letters = [0; 6];
        for letter in letters.iter_mut().rev() {
            *letter = ALNUM[usize::try_from(place % 36).unwrap_or(0)];
            place /= 36;
        }
        letters.iter().map(|letter| char::from(*letter)).collect()
    }
}

impl Document for LedgerEntryDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.account_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of ledger entries. Charges of nothing are left out.
#[derive(Debug)]
pub struct LedgerEntries;

impl Projection for LedgerEntries {
    type Doc = LedgerEntryDoc;
    const NAME: &'static str = "ledger_entries";
    const VERSION: u32 = 3;
    const FILTERS: &'static [&'static str] = &["kind", "runtime_id"];
    const PARENT: Option<&'static str> = Some("account_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let AnyEvent::Ledger(event) = &envelope.event else {
            return vec![];
        };
        match event {
            LedgerEvent::CreditsGranted { entry_id, .. } | LedgerEvent::CreditsPurchased { entry_id, .. } => {
                vec![Touch::one(entry_id)]
            }
            LedgerEvent::CreditsDeducted {
                entry_id,
                amount_micro,
                ..
            } if *amount_micro > 0 => {
                vec![Touch::one(entry_id)]
            }
            LedgerEvent::Opened { .. }
            | LedgerEvent::CreditsDeducted { .. }
            | LedgerEvent::CheckoutStarted { .. }
            | LedgerEvent::BalanceExhausted { .. } => vec![],
        }
    }

    fn fold(doc: Option<LedgerEntryDoc>, envelope: &Envelope) -> Option<LedgerEntryDoc> {
        let AnyEvent::Ledger(event) = &envelope.event else {
            return doc;
        };
        let created_at = envelope.recorded_at;
        match event {
            LedgerEvent::CreditsGranted {
                account_id,
                entry_id,
                grant_id,
                amount_micro,
                description,
            } => Some(LedgerEntryDoc {
                id: entry_id.clone(),
                account_id: account_id.clone(),
                number: envelope.sequence,
                kind: EntryKind::Grant,
                amount_micro: i64::try_from(*amount_micro).unwrap_or(i64::MAX),
                description: description.clone(),
                grant_id: Some(grant_id.clone()),
                checkout_id: None,
                price_cents: None,
                runtime_id: None,
                elapsed_ms: None,
                created_at,
            }),
            LedgerEvent::CreditsDeducted {
                account_id,
                entry_id,
                runtime_id,
                elapsed_ms,
                amount_micro,
                ..
            } => Some(LedgerEntryDoc {
                id: entry_id.clone(),
                account_id: account_id.clone(),
                number: envelope.sequence,
                kind: EntryKind::Runtime,
                amount_micro: i64::try_from(*amount_micro).map_or(i64::MIN, |amount| -amount),
                description: ran_for(*elapsed_ms),
                grant_id: None,
                checkout_id: None,
                price_cents: None,
                runtime_id: Some(runtime_id.clone()),
                elapsed_ms: Some(*elapsed_ms),
                created_at,
            }),
            LedgerEvent::CreditsPurchased {
                account_id,
                entry_id,
                checkout_id,
                credits,
                price_cents,
                amount_micro,
                ..
            } => Some(LedgerEntryDoc {
                id: entry_id.clone(),
                account_id: account_id.clone(),
                number: envelope.sequence,
                kind: EntryKind::Purchase,
                amount_micro: i64::try_from(*amount_micro).unwrap_or(i64::MAX),
                description: bought(*credits, *price_cents),
                grant_id: None,
                checkout_id: Some(checkout_id.clone()),
                price_cents: Some(*price_cents),
                runtime_id: None,
                elapsed_ms: None,
                created_at,
            }),
            LedgerEvent::Opened { .. }
            | LedgerEvent::CheckoutStarted { .. }
            | LedgerEvent::BalanceExhausted { .. } => doc,
        }
    }

    fn source(_: &str, parent_id: Option<&str>) -> Option<Source> {
        let aggregate_id = parent_id?.to_owned();
        Some(Source {
            aggregate_type: Ledger::TYPE,
            aggregate_id,
        })
    }
}

fn bought(credits: u32, price_cents: u64) -> String {
    format!(
        "{credits} credits (${}.{:02})",
        price_cents / 100,
        price_cents % 100
    )
}

fn ran_for(elapsed_ms: u64) -> String {
    match elapsed_ms.div_ceil(1000) {
        seconds if seconds % 60 == 0 => format!("runtime ({} min)", seconds / 60),
        seconds => format!("runtime ({seconds} s)"),
    }
}

#[cfg(test)]
mod tests;
