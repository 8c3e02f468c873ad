//! How a webhook's deliveries look, and why one may be off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a delivery looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookForm {
    /// The event of the feed as a `CloudEvent`, signed as Standard Webhooks says.
    #[default]
    Native,
    /// Activity of runtimes in Thermidora's own body and headers.
    Thermidora,
}

impl WebhookForm {
    /// The form as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Thermidora => "thermidora",
        }
    }
}

/// Where a webhook is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// What matches is delivered.
    #[default]
    Enabled,
    /// Nothing is delivered but tests and what is resent.
    Disabled,
    /// Gone.
    Deleted,
}

impl WebhookStatus {
    /// The status as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

/// Why a webhook is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// Somebody of the account wanted it.
    Owner,
    /// The receiver answered 410: it is gone.
    Gone,
    /// Deliveries failed for too long.
    Failing,
}
