//! Schemas of the native API that no Rust type stands for.

use serde_json::{Value, json};

pub(super) fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why a request failed (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "`/docs#<code>`." },
            "title": { "type": "string", "description": "Short text, the same for all problems of the code." },
            "status": { "type": "integer", "description": "The status of the answer." },
            "detail": { "type": "string", "description": "What went wrong, for people." },
            "code": { "type": "string", "description": "Stable code, for programs." },
            "request_id": { "type": "string", "description": "As in `X-Request-Id`." },
            "field": { "type": "string", "description": "The part of the request that is wrong." },
        },
    })
}

pub(super) fn cloud_event() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let number = |description: &str| json!({ "type": "integer", "minimum": 1, "description": description });
    json!({
        "type": "object",
        "description": "An event, as CloudEvents 1.0.",
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "position", "sequence",
            "aggregatetype", "aggregateid", "actor", "dialect", "correlationid", "schemaversion", "data",
        ],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": text("Id of the event, unique for ever."),
            "source": text("The stream it is in: `/v1/streams/<type>/<id>`."),
            "type": text("What happened, such as `TaskSubmitted`."),
            "subject": text("Id of the aggregate."),
            "time": { "type": "string", "format": "date-time", "description": "When it was committed." },
            "datacontenttype": { "const": "application/json" },
            "position": number("Place in the log, without gaps."),
            "sequence": number("Place in its stream, without gaps."),
            "aggregatetype": text("Type of the aggregate."),
            "aggregateid": text("Id of the aggregate."),
            "accountid": text("Whose it is; absent for the operator's own."),
            "actor": text("Who did it, `kind:id`."),
            "dialect": text("The API it came over."),
            "correlationid": text("The request or process it belongs to."),
            "causationid": text("Id of the event that led to it."),
            "schemaversion": number("Version of `data`."),
            "data": { "type": "object", "description": "The event's own fields." },
        },
    })
}
