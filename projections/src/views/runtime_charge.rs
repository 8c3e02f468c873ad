//! What each runtime was charged. Kept after the runtime is gone: it holds figures only.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, RuntimeId,
    ledger::{Ledger, LedgerEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// What a runtime was charged so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeChargeDoc {
    /// The runtime.
    pub id: RuntimeId,
    /// Who pays.
    pub account_id: AccountId,
    /// How much of its time was charged, in milliseconds; what no balance covered is not in it.
    pub billed_ms: u64,
    /// What was charged, in millionths of what the account's ledger counts in.
    pub charged_micro: u64,
    /// When it was charged first.
    pub created_at: DateTime<Utc>,
    /// When it was charged last.
    pub updated_at: DateTime<Utc>,
}

impl Document for RuntimeChargeDoc {
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

/// The view of what runtimes were charged.
#[derive(Debug)]
pub struct RuntimeCharges;

impl Projection for RuntimeCharges {
    type Doc = RuntimeChargeDoc;
    const NAME: &'static str = "runtime_charges";
    const VERSION: u32 = 1;
    const PARENT: Option<&'static str> = Some("account_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if let AnyEvent::Ledger(LedgerEvent::CreditsDeducted { runtime_id, .. }) = &envelope.event {
            vec![Touch::one(runtime_id)]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<RuntimeChargeDoc>, envelope: &Envelope) -> Option<RuntimeChargeDoc> {
        let AnyEvent::Ledger(LedgerEvent::CreditsDeducted {
            account_id,
            runtime_id,
            elapsed_ms,
            amount_micro,
            covered_ms,
            ..
        }) = &envelope.event
        else {
            return doc;
        };
        let at = envelope.recorded_at;
        let mut doc = doc.unwrap_or_else(|| RuntimeChargeDoc {
            id: runtime_id.clone(),
            account_id: account_id.clone(),
            billed_ms: 0,
            charged_micro: 0,
            created_at: at,
            updated_at: at,
        });
        doc.billed_ms = doc.billed_ms.saturating_add(covered_ms.unwrap_or(*elapsed_ms));
        doc.charged_micro = doc.charged_micro.saturating_add(*amount_micro);
        doc.updated_at = at;
        Some(doc)
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
