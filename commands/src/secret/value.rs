//! A secret on its way to the vault.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::CommandError;

/// Largest secret, in bytes.
const MAX_BYTES: usize = 65_536;

/// A secret on its way to the vault: wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// The bytes, for the vault.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn check(&self) -> Result<(), CommandError> {
        if (1..=MAX_BYTES).contains(&self.0.len()) {
            return Ok(());
        }
        Err(CommandError::malformed("value", "a secret has 1 to 65536 bytes"))
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

impl Serialize for SecretValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The command's fingerprint is taken of this; nothing else serialises a command.
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for SecretValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_BYTES, "writeOnly": true })
    }
}
