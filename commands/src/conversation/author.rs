//! Who wrote a message, in the words of whoever sent it: sealed, because it names people.

use reef_domain::{AccountId, AgentId, ConversationId, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CommandError,
    ports::{Sealed, Vault, VaultError, VaultOwner},
};

/// Longest id and longest name, in characters.
const MAX_CHARS: usize = 200;

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// What sort.
    pub kind: AuthorKind,
    /// Which one, 1 to 200 characters.
    pub id: String,
    /// What it is called, 1 to 200 characters.
    pub name: String,
}

/// Sorts of authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// A person.
    Human,
    /// An agent.
    Agent,
}

impl Author {
    /// The same, if its texts are acceptable.
    pub(super) fn checked(&self) -> Result<Self, CommandError> {
        for (field, text) in [("author.id", &self.id), ("author.name", &self.name)] {
            let fits = (1..=MAX_CHARS).contains(&text.chars().count())
                && !text.trim().is_empty()
                && !text.chars().any(char::is_control);
            if !fits {
                return Err(CommandError::malformed(
                    field,
                    "1 to 200 characters, none of them a control character",
                ));
            }
        }
        Ok(self.clone())
    }
}

fn purpose(account: &AccountId, conversation: &ConversationId, message: &MessageId) -> String {
    format!("{account}/conversation/{conversation}/{message}/author")
}

/// Seals a message's author under its agent's data key.
pub(super) async fn seal_author(
    vault: &dyn Vault,
    account: &AccountId,
    agent: &AgentId,
    conversation: &ConversationId,
    message: &MessageId,
    author: &Author,
) -> Result<Sealed, CommandError> {
    let text = serde_json::to_string(author).map_err(|error| CommandError::Corrupt(error.to_string()))?;
    let owner = VaultOwner::new("agent", agent);
    let purpose = purpose(account, conversation, message);
    Ok(vault.seal(&owner, &purpose, text.as_bytes()).await?)
}

/// Opens what was sealed of a message's author; [`VaultError::Destroyed`] once the agent was deleted.
pub async fn open_author(
    vault: &dyn Vault,
    account: &AccountId,
    agent: &AgentId,
    conversation: &ConversationId,
    message: &MessageId,
    sealed: &str,
) -> Result<Author, VaultError> {
    let owner = VaultOwner::new("agent", agent);
    let purpose = purpose(account, conversation, message);
    let plain = vault.open(&owner, &purpose, &Sealed(sealed.to_owned())).await?;
    serde_json::from_slice(&plain).map_err(|_| VaultError::Unopenable)
}
