//! Times on the wire.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};

/// A time in UTC with milliseconds and `Z`: `2026-02-19T10:00:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Millis(pub(crate) DateTime<Utc>);

impl From<DateTime<Utc>> for Millis {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// The same of a time as documents have it (`2026-02-19T10:00:00Z`, with any number of decimals), without
/// reading it: in a long list that is most of a row's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct StoredMillis<'a>(&'a str);

/// Length of a time up to its seconds.
const SECONDS: usize = "2026-02-19T10:00:00".len();

impl Serialize for StoredMillis<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = self.0.as_bytes();
        let (Some(seconds), Some((b'Z', rest))) = (stored.get(..SECONDS), stored.split_last()) else {
            return Err(S::Error::custom("a stored time has another form"));
        };
        let decimals = rest.get(SECONDS..).unwrap_or_default();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        text[..SECONDS].copy_from_slice(seconds);
        for (place, digit) in text[SECONDS..SECONDS + 4].iter_mut().zip(decimals) {
            *place = *digit;
        }
        let text = std::str::from_utf8(&text).map_err(S::Error::custom)?;
        serializer.serialize_str(text)
    }
}

impl JsonSchema for StoredMillis<'_> {
    fn inline_schema() -> bool {
        Millis::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Millis::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Millis::json_schema(generator)
    }
}

impl JsonSchema for Millis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Millis".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests;
