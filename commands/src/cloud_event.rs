//! Events as `CloudEvents` 1.0 in JSON.
//!
//! `type` is the stored event type; `source` and `id` together are unique; `data` is the stored payload's
//! inner object, byte for byte. Extension attributes: `position` (the global order), `sequence` (within the
//! stream), `aggregatetype`, `aggregateid`, `accountid` (absent for the operator's own streams), `actor`
//! (`kind:id`), `dialect`, `correlationid`, `causationid` (where there is one) and `schemaversion`. With these an
//! event holds everything that its leaf hash covers. Feeds and native webhooks show it the same.

use std::fmt::Write as _;

use chrono::SecondsFormat;
use reef_domain::Envelope;

/// Content type of a batch.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// Writes the event, on one line.
pub fn write(envelope: &Envelope, out: &mut String) {
    let Envelope {
        position,
        aggregate_type,
        aggregate_id,
        sequence,
        metadata,
        event,
        ..
    } = envelope;
    out.reserve(600 + envelope.payload.len());
    out.push_str("{\"specversion\":\"1.0\",\"id\":");
    text(&metadata.event_id, out);
    out.push_str(",\"source\":");
    text(&source(aggregate_type, aggregate_id), out);
    out.push_str(",\"type\":");
    text(event.event_type(), out);
    out.push_str(",\"subject\":");
    text(aggregate_id, out);
    out.push_str(",\"time\":");
    text(
        &envelope.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        out,
    );
    out.push_str(",\"datacontenttype\":\"application/json\"");
    number("position", *position, out);
    number("sequence", *sequence, out);
    attribute("aggregatetype", aggregate_type, out);
    attribute("aggregateid", aggregate_id, out);
    if let Some(account) = &envelope.account_id {
        attribute("accountid", account.as_str(), out);
    }
    attribute("actor", &metadata.actor.to_string(), out);
    attribute("dialect", &metadata.dialect, out);
    attribute("correlationid", &metadata.correlation_id, out);
    if let Some(cause) = &metadata.causation_id {
        attribute("causationid", cause, out);
    }
    number("schemaversion", event.event_version().into(), out);
    out.push_str(",\"data\":");
    let data = envelope.data();
    if data.contains(['\n', '\r']) {
        // Only white space between tokens can be a line end: inside a JSON text it is escaped.
        out.extend(data.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }));
    } else {
        out.push_str(data);
    }
    out.push('}');
}

/// Where the event's stream is read: `/v1/streams/<type>/<id>`.
fn source(aggregate_type: &str, aggregate_id: &str) -> String {
    let mut path = format!("/v1/streams/{aggregate_type}/");
    for byte in aggregate_id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push_str(&hex::encode_upper([byte]));
        }
    }
    path
}

fn attribute(name: &str, value: &str, out: &mut String) {
    name_of(name, out);
    text(value, out);
}

fn number(name: &str, value: u64, out: &mut String) {
    name_of(name, out);
    // Writing to a string cannot fail.
    write!(out, "{value}").unwrap_or_default();
}

fn name_of(name: &str, out: &mut String) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

/// A JSON string. Nearly all are plain ASCII.
fn text(value: &str, out: &mut String) {
    if value
        .bytes()
        .all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
    {
        out.push('"');
        out.push_str(value);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(value).to_string());
    }
}

#[cfg(test)]
mod tests;
