//! Why a webhook says no.

use super::{MAX_DESCRIPTION, MAX_NAMES, MAX_URL_BYTES};
use crate::{Refusal, RefusalKind};

/// Why a webhook says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefusal {
    /// No such webhook, or it was deleted.
    #[error("there is no such webhook")]
    WebhookNotFound,
    /// The id is taken.
    #[error("the webhook already exists")]
    WebhookAlreadyExists,
    /// It delivers already; what is past is replayed.
    #[error("the webhook is enabled already; replay what it is to deliver again")]
    WebhookEnabled,
    /// It does not deliver.
    #[error("the webhook is disabled; enable it from a position instead")]
    WebhookDisabled,
    /// Not where a delivery can go.
    #[error(
        "a webhook's URL is absolute, http or https, without blanks and user info, at most {MAX_URL_BYTES} bytes"
    )]
    UrlInvalid,
    /// None, too many, or one that there is not.
    #[error("a webhook takes 1 to {MAX_NAMES} events: names that there are in its form, or *")]
    EventsInvalid {
        /// The name that there is not, if that is why.
        unknown: Option<String>,
    },
    /// Too many, one that there is not, or any in a form that knows none.
    #[error("a native webhook takes up to {MAX_NAMES} aggregate types, such as agent or task")]
    AggregateTypesInvalid,
    /// At most 500 characters.
    #[error(
        "a description has at most {MAX_DESCRIPTION} characters and no control characters but line breaks"
    )]
    DescriptionInvalid,
    /// Positions are from 1, and the last is not before the first.
    #[error("positions go from 1 up, to the end of the log")]
    PositionsInvalid,
}

impl Refusal for WebhookRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::WebhookNotFound => "webhook_not_found",
            Self::WebhookAlreadyExists => "webhook_already_exists",
            Self::WebhookEnabled => "webhook_enabled",
            Self::WebhookDisabled => "webhook_disabled",
            Self::UrlInvalid => "webhook_url_invalid",
            Self::EventsInvalid { .. } => "webhook_events_invalid",
            Self::AggregateTypesInvalid => "aggregate_types_invalid",
            Self::DescriptionInvalid => "description_invalid",
            Self::PositionsInvalid => "positions_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::WebhookNotFound => RefusalKind::NotFound,
            Self::WebhookAlreadyExists | Self::WebhookEnabled | Self::WebhookDisabled => {
                RefusalKind::Conflict
            }
            Self::UrlInvalid
            | Self::EventsInvalid { .. }
            | Self::AggregateTypesInvalid
            | Self::DescriptionInvalid
            | Self::PositionsInvalid => RefusalKind::Invalid,
        }
    }
}
