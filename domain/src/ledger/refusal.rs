//! Why a ledger says no.

use crate::{Refusal, RefusalKind};

/// Why a ledger says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerRefusal {
    /// Zero, or more than a ledger holds.
    #[error("the amount must be at least 1 micro-credit and the balance stay within {limit} micro-credits")]
    AmountInvalid {
        /// Most a ledger holds, in micro-credits.
        limit: u64,
    },
    /// The grant id was used for another amount.
    #[error("that grant was already applied with another amount")]
    GrantConflict,
    /// The grant id or the description is not acceptable.
    #[error("a grant id has 1 to 128 characters and a description at most 500 bytes")]
    GrantInvalid,
    /// Time, rate or quantum are out of range.
    #[error("time, rate or quantum of the charge are out of range")]
    ChargeInvalid,
    /// No credits, or too many.
    #[error("a purchase is for 1 to {limit} credits")]
    QuantityInvalid {
        /// Most credits one purchase is for.
        limit: u32,
    },
    /// Without a name of the provider's a payment could not be told from another.
    #[error("what the payment provider calls a checkout has 1 to 255 printable characters")]
    ProviderRefInvalid,
    /// No purchase of that id was started here.
    #[error("there is no such checkout")]
    CheckoutNotFound,
    /// The id stands for another purchase.
    #[error("that checkout is for another purchase")]
    CheckoutConflict,
}

impl Refusal for LedgerRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::AmountInvalid { .. } => "amount_invalid",
            Self::GrantConflict => "grant_conflict",
            Self::GrantInvalid => "grant_invalid",
            Self::ChargeInvalid => "charge_invalid",
            Self::QuantityInvalid { .. } => "quantity_invalid",
            Self::ProviderRefInvalid => "provider_ref_invalid",
            Self::CheckoutNotFound => "checkout_not_found",
            Self::CheckoutConflict => "checkout_conflict",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::AmountInvalid { .. }
            | Self::GrantInvalid
            | Self::ChargeInvalid
            | Self::QuantityInvalid { .. }
            | Self::ProviderRefInvalid => RefusalKind::Invalid,
            Self::GrantConflict | Self::CheckoutConflict => RefusalKind::Conflict,
            Self::CheckoutNotFound => RefusalKind::NotFound,
        }
    }
}
