//! Streams of aggregates, and the feed of all events.

use reef_commands::cloud_event::BATCH;
use reef_domain::AnyEvent;
use serde_json::json;

use super::{JSON, STREAM, page_of};
use crate::{
    native::{
        events,
        openapi::{Place, Route},
    },
    openapi::reference,
};

pub(super) fn streams() -> [Route; 2] {
    let path = "/v1/streams/{type}/{id}";
    [
        Route::get("Streams", path, "readStream", "The events of one aggregate")
            .says("`after` and `next` are sequences.")
            .needs(events::SCOPE)
            .one_of("type", Place::Path, "Type of the aggregate.", &aggregate_types())
            .path_parameter("id", "Id of the aggregate, percent-encoded.")
            .position("after", "Only events with a greater sequence.")
            .number("limit", "At most so many.", 1, 1000)
            .answers(JSON, page_of(&reference("CloudEvent")))
            .fails(&[404]),
        Route::get(
            "Streams",
            format!("{path}/state"),
            "readState",
            "The folded state of one aggregate",
        )
        .needs(events::SCOPE)
        .one_of("type", Place::Path, "Type of the aggregate.", &aggregate_types())
        .path_parameter("id", "Id of the aggregate, percent-encoded.")
        .at()
        .answers(
            JSON,
            json!({
                "type": "object",
                "required": ["type", "id", "sequence", "position", "recorded_at", "state"],
                "properties": {
                    "type": { "type": "string" },
                    "id": { "type": "string" },
                    "sequence": { "type": "integer" },
                    "position": { "type": "integer" },
                    "recorded_at": { "type": "string", "format": "date-time" },
                    "state": { "type": "object" },
                },
            }),
        )
        .fails(&[404]),
    ]
}

fn aggregate_types() -> Vec<&'static str> {
    AnyEvent::CATALOGUE.iter().map(|(name, _)| *name).collect()
}

fn event_types() -> Vec<&'static str> {
    let all = AnyEvent::CATALOGUE.iter().flat_map(|(_, types)| types.iter());
    all.map(|(name, _)| *name).collect()
}

fn filtered(route: Route) -> Route {
    route
        .needs(events::SCOPE)
        .some_of(
            "types",
            "Only these event types, with commas between them.",
            &event_types(),
        )
        .one_of(
            "aggregate_type",
            Place::Query,
            "Only of this aggregate type.",
            &aggregate_types(),
        )
        .query("aggregate_id", "Only of this aggregate.")
        .query(
            "account_id",
            "Only of this account; accounts get their own in any case.",
        )
}

pub(super) fn feed() -> [Route; 2] {
    let batch = Route::get(
        "Events",
        "/v1/events",
        "readEvents",
        "Events as a CloudEvents batch",
    )
    .says("`Reef-Next` and `Link` say where the next batch begins.")
    .position("after", "Only events after this position.")
    .number("limit", "At most so many.", 1, 1000)
    .number(
        "wait",
        "Where there is nothing yet: wait so many seconds for something.",
        0,
        60,
    );
    let stream = Route::get(
        "Events",
        "/v1/events/stream",
        "followEvents",
        "Events as they happen",
    )
    .says(
        "Server-sent events: `id` is the position, `event` the type, `data` the CloudEvent on one line. \
             Begins at `Last-Event-ID`, else at `after`, else now. A revoked credential ends it.",
    )
    .position("after", "Begin after this position.")
    .header(
        "Last-Event-ID",
        "Resume after this position; browsers send it by themselves.",
        "^[0-9]{1,18}$",
    );
    [
        filtered(batch).answers(
            BATCH,
            json!({ "type": "array", "items": reference("CloudEvent") }),
        ),
        filtered(stream).answers(STREAM, json!({ "type": "string" })),
    ]
}
