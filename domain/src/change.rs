//! What a partial update says of a value that can be absent.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What becomes of a value that can be absent. In JSON: left out, `null`, or the value; a field of this type
/// needs `#[serde(default, skip_serializing_if = "Change::is_keep")]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// There is none from now on.
    Clear,
    /// It is this from now on.
    Set(T),
}

impl<T> Change<T> {
    /// Whether nothing was said.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Option::<T>::deserialize(deserializer)?;
        Ok(given.map_or(Self::Clear, Self::Set))
    }
}

impl<T: JsonSchema> JsonSchema for Change<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Patch {
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        note: Change<String>,
    }

    #[test]
    fn left_out_null_and_a_value_are_three_things() {
        let cases = [
            ("{}", Change::Keep),
            (r#"{"note":null}"#, Change::Clear),
            (r#"{"note":"x"}"#, Change::Set("x".to_owned())),
        ];
        for (text, note) in cases {
            let patch = Patch { note };
            assert_eq!(serde_json::from_str::<Patch>(text).unwrap(), patch);
            assert_eq!(serde_json::to_string(&patch).unwrap(), text);
        }
        assert!(serde_json::from_str::<Patch>(r#"{"note":1}"#).is_err());
    }
}
