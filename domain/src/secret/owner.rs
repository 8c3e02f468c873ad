//! Who has secrets.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can have secrets of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// An account.
    Account,
    /// A user.
    User,
    /// An agent.
    Agent,
    /// A runtime.
    Runtime,
}

impl OwnerKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Account, Self::User, Self::Agent, Self::Runtime];

    /// The kind as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Runtime => "runtime",
        }
    }
}

/// Who has the secrets. Written `<kind>/<id>`, which is also the id of the stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SecretOwner {
    /// What it is.
    pub kind: OwnerKind,
    /// Which one.
    pub id: String,
}

impl SecretOwner {
    /// The owner of that kind and id.
    pub fn new(kind: OwnerKind, id: impl AsRef<str>) -> Self {
        Self {
            kind,
            id: id.as_ref().to_owned(),
        }
    }
}

impl fmt::Display for SecretOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name(), self.id)
    }
}

impl From<SecretOwner> for String {
    fn from(owner: SecretOwner) -> Self {
        owner.to_string()
    }
}

/// The text is not `<kind>/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an owner of secrets is written account/<id>, user/<id>, agent/<id> or runtime/<id>")]
pub struct NotAnOwner;

impl FromStr for SecretOwner {
    type Err = NotAnOwner;

    fn from_str(text: &str) -> Result<Self, NotAnOwner> {
        let (kind, id) = text.split_once('/').ok_or(NotAnOwner)?;
        let kind = OwnerKind::ALL
            .into_iter()
            .find(|candidate| candidate.name() == kind)
            .ok_or(NotAnOwner)?;
        if crate::ids::is_id(id) {
            Ok(Self::new(kind, id))
        } else {
            Err(NotAnOwner)
        }
    }
}

impl TryFrom<String> for SecretOwner {
    type Error = NotAnOwner;

    fn try_from(text: String) -> Result<Self, NotAnOwner> {
        text.parse()
    }
}

impl JsonSchema for SecretOwner {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretOwner".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(account|user|agent|runtime)/.+$" })
    }
}
