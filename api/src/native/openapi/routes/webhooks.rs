//! How webhooks' deliveries fare.

use reef_projections::{Projection as _, views::webhook::Webhooks};
use serde_json::Value;

use super::JSON;
use crate::native::{openapi::Route, views};

const GROUP: &str = "Webhooks";

pub(super) fn webhooks(attempts: Value, status: Value) -> [Route; 2] {
    [
        Route::get(
            GROUP,
            "/v1/webhooks/{id}/attempts",
            "listWebhookAttempts",
            "Tries of a webhook's deliveries, newest first",
        )
        .says("The last 1000 of the last 30 days are kept.")
        .needs(views::scope(Webhooks::NAME))
        .position("position", "Only those of the event at this position.")
        .position(
            "after",
            "Only those before the one of this number: `next` of the page before.",
        )
        .number("limit", "At most so many.", 1, 500)
        .answers(JSON, attempts)
        .fails(&[404]),
        Route::get(
            GROUP,
            "/v1/webhooks/{id}/status",
            "getWebhookStatus",
            "Where a webhook's deliveries are, and how they fare",
        )
        .needs(views::scope(Webhooks::NAME))
        .answers(JSON, status)
        .fails(&[404]),
    ]
}
