//! Who has skills.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AgentId, RuntimeId};

/// Who has the skills. Written `<kind>/<id>`, which is also the id of the stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum SkillOwner {
    /// A runtime: all agents on it have them.
    Runtime(RuntimeId),
    /// An agent.
    Agent(AgentId),
}

impl SkillOwner {
    /// What the owner is, as it is stored and shown.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Runtime(_) => "runtime",
            Self::Agent(_) => "agent",
        }
    }

    /// The owner's own id.
    pub fn id(&self) -> &str {
        match self {
            Self::Runtime(id) => id.as_str(),
            Self::Agent(id) => id.as_str(),
        }
    }
}

impl fmt::Display for SkillOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind(), self.id())
    }
}

impl From<SkillOwner> for String {
    fn from(owner: SkillOwner) -> Self {
        owner.to_string()
    }
}

/// The text is not `<kind>/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an owner of skills is written runtime/<id> or agent/<id>")]
pub struct NotASkillOwner;

impl FromStr for SkillOwner {
    type Err = NotASkillOwner;

    fn from_str(text: &str) -> Result<Self, NotASkillOwner> {
        match text.split_once('/') {
            Some((_, id)) if !crate::ids::is_id(id) => Err(NotASkillOwner),
            Some(("runtime", id)) => Ok(Self::Runtime(id.into())),
            Some(("agent", id)) => Ok(Self::Agent(id.into())),
            Some(_) | None => Err(NotASkillOwner),
        }
    }
}

impl TryFrom<String> for SkillOwner {
    type Error = NotASkillOwner;

    fn try_from(text: String) -> Result<Self, NotASkillOwner> {
        text.parse()
    }
}

impl JsonSchema for SkillOwner {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SkillOwner".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(runtime|agent)/.+$" })
    }
}
