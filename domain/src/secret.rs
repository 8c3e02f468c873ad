//! Secrets of one owner: which names are set, and where in the vault their values are.
//!
//! One stream per owner (`user/..`, `agent/..`, `runtime/..`, `account/..`).
//! **Invariants:** no event holds a value; after the purge that follows the owner's deletion nothing is
//! ever stored again.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Refusal, RefusalKind, VaultRef, event::events};

/// The secrets of one owner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    /// The account that owns the owner.
    pub account_id: Option<AccountId>,
    /// Where in the vault each name's value is.
    pub names: BTreeMap<String, VaultRef>,
    /// Whether the owner is gone.
    pub purged: bool,
}

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

/// What can be asked of an owner's secrets.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretsCommand {
    /// Set a name; its value is in the vault already.
    Store {
        /// The account that owns the owner.
        account_id: AccountId,
        /// Who has it.
        owner: SecretOwner,
        /// Its name: a letter or `_`, then letters, digits, `_`, `.` and `-`, up to 128.
        name: String,
        /// Where its value is.
        vault_ref: VaultRef,
    },
    /// Unset a name.
    Remove {
        /// Which.
        name: String,
    },
    /// Forget all, for good: the owner is gone.
    Purge {
        /// The account that owned the owner.
        account_id: AccountId,
        /// Who is gone.
        owner: SecretOwner,
    },
}

events! {
    /// What can happen to an owner's secrets.
    pub enum SecretsEvent {
        /// A name is set.
        Stored = "SecretStored", 1 {
            /// The account that owns the owner.
            account_id: AccountId,
            /// Who has it.
            owner: SecretOwner,
            /// Its name.
            name: String,
            /// Where its value is.
            vault_ref: VaultRef,
            /// Where its former value is, which nothing refers to any more.
            replaced: Option<VaultRef>,
        },
        /// A name is no longer set.
        Removed = "SecretRemoved", 1 {
            /// Which.
            name: String,
            /// Where its value is, which nothing refers to any more.
            vault_ref: VaultRef,
        },
        /// Everything is forgotten with the owner.
        Purged = "SecretsPurged", 1 {
            /// The account that owned the owner.
            account_id: AccountId,
            /// Who is gone.
            owner: SecretOwner,
        },
    }
}

/// Why an owner's secrets say no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretsRefusal {
    /// No secret of that name is set.
    #[error("there is no such secret")]
    SecretNotFound,
    /// The owner is gone.
    #[error("the owner of the secrets no longer exists")]
    OwnerGone,
    /// Not a name for a secret.
    #[error(
        "a secret's name is a letter or _ followed by letters, digits, _ . - and has at most 128 characters"
    )]
    NameInvalid,
    /// Too many names.
    #[error("an owner has at most {limit} secrets")]
    TooManySecrets {
        /// How many are possible.
        limit: u32,
    },
}

impl Refusal for SecretsRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::SecretNotFound => "secret_not_found",
            Self::OwnerGone => "owner_gone",
            Self::NameInvalid => "secret_name_invalid",
            Self::TooManySecrets { .. } => "too_many_secrets",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::SecretNotFound | Self::OwnerGone => RefusalKind::NotFound,
            Self::NameInvalid => RefusalKind::Invalid,
            Self::TooManySecrets { .. } => RefusalKind::LimitReached,
        }
    }
}

/// How many secrets one owner can have.
pub const MAX_SECRETS: u32 = 200;

/// Whether a secret may be called so.
pub fn is_secret_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && name.len() <= 128
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

impl Decider for Secrets {
    const TYPE: &'static str = "secret";
    type Command = SecretsCommand;
    type Event = SecretsEvent;
    type Refusal = SecretsRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            SecretsCommand::Purge { .. } if self.purged => Ok(vec![]),
            SecretsCommand::Purge { account_id, owner } => {
                Ok(vec![SecretsEvent::Purged { account_id, owner }])
            }
            SecretsCommand::Store { .. } | SecretsCommand::Remove { .. } if self.purged => {
                Err(SecretsRefusal::OwnerGone)
            }
            SecretsCommand::Store {
                account_id,
                owner,
                name,
                vault_ref,
            } => {
                if !is_secret_name(&name) {
                    return Err(SecretsRefusal::NameInvalid);
                }
                let replaced = self.names.get(&name).cloned();
                if replaced.as_ref() == Some(&vault_ref) {
                    return Ok(vec![]);
                }
                if replaced.is_none() && self.names.len() >= MAX_SECRETS as usize {
                    return Err(SecretsRefusal::TooManySecrets { limit: MAX_SECRETS });
                }
                Ok(vec![SecretsEvent::Stored {
                    account_id,
                    owner,
                    name,
                    vault_ref,
                    replaced,
                }])
            }
            SecretsCommand::Remove { name } => match self.names.get(&name).cloned() {
                Some(vault_ref) => Ok(vec![SecretsEvent::Removed { name, vault_ref }]),
                None => Err(SecretsRefusal::SecretNotFound),
            },
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            SecretsEvent::Stored {
                account_id,
                name,
                vault_ref,
                ..
            } => {
                self.account_id = Some(account_id.clone());
                self.names.insert(name.clone(), vault_ref.clone());
            }
            SecretsEvent::Removed { name, .. } => {
                self.names.remove(name);
            }
            SecretsEvent::Purged { account_id, .. } => {
                self.account_id = Some(account_id.clone());
                self.names.clear();
                self.purged = true;
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Secrets(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
