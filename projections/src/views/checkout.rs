//! Purchases of credits: started, and paid once the payment provider has confirmed it.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, CheckoutId, Decider, Envelope, UserId,
    ledger::{Ledger, LedgerEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// Whether a purchase is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutStatus {
    /// Somebody was sent to the payment page.
    Started,
    /// It is, and the credits were added.
    Paid,
}

/// A purchase of credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckoutDoc {
    /// Its id.
    pub id: CheckoutId,
    /// Whose ledger the credits are for.
    pub account_id: AccountId,
    /// Who buys.
    pub user_id: UserId,
    /// How many credits.
    pub credits: u32,
    /// What they cost, in US cents.
    pub price_cents: u64,
    /// What the payment provider calls it.
    pub provider_ref: String,
    /// Whether it is paid.
    pub status: CheckoutStatus,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When the payment was confirmed.
    pub paid_at: Option<DateTime<Utc>>,
}

impl Document for CheckoutDoc {
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
        Some(match self.status {
            CheckoutStatus::Started => "started",
            CheckoutStatus::Paid => "paid",
        })
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of purchases.
#[derive(Debug)]
pub struct Checkouts;

impl Projection for Checkouts {
    type Doc = CheckoutDoc;
    const NAME: &'static str = "checkouts";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["user_id"];
    const PARENT: Option<&'static str> = Some("account_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let AnyEvent::Ledger(event) = &envelope.event else {
            return vec![];
        };
        match event {
            LedgerEvent::CheckoutStarted { checkout_id, .. }
            | LedgerEvent::CreditsPurchased { checkout_id, .. } => vec![Touch::one(checkout_id)],
            LedgerEvent::Opened { .. }
            | LedgerEvent::CreditsGranted { .. }
            | LedgerEvent::CreditsDeducted { .. }
            | LedgerEvent::BalanceExhausted { .. } => vec![],
        }
    }

    fn fold(doc: Option<CheckoutDoc>, envelope: &Envelope) -> Option<CheckoutDoc> {
        let AnyEvent::Ledger(event) = &envelope.event else {
            return doc;
        };
        match event {
            LedgerEvent::CheckoutStarted {
                account_id,
                checkout_id,
                user_id,
                credits,
                price_cents,
                provider_ref,
            } => Some(CheckoutDoc {
                id: checkout_id.clone(),
                account_id: account_id.clone(),
                user_id: user_id.clone(),
                credits: *credits,
                price_cents: *price_cents,
                provider_ref: provider_ref.clone(),
                status: CheckoutStatus::Started,
                created_at: envelope.recorded_at,
                paid_at: None,
            }),
            LedgerEvent::CreditsPurchased { .. } => {
                let mut doc = doc?;
                doc.status = CheckoutStatus::Paid;
                doc.paid_at = Some(envelope.recorded_at);
                Some(doc)
            }
            LedgerEvent::Opened { .. }
            | LedgerEvent::CreditsGranted { .. }
            | LedgerEvent::CreditsDeducted { .. }
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

#[cfg(test)]
mod tests;
