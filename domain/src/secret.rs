//! Secrets of one owner: which names are set, and where in the vault their values are.
//!
//! One stream per owner (`user/..`, `agent/..`, `runtime/..`, `account/..`).
//! A runtime whose secrets are synced when it starts goes on with the values of that time: those are in
//! force, and are kept beside newer ones until the next sync. Whatever is removed is in force no more.
//! **Invariants:** no event holds a value; after the purge that follows the owner's deletion nothing is
//! ever stored again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Refusal, RefusalKind, VaultRef, event::events};

mod owner;

pub use owner::{NotAnOwner, OwnerKind, SecretOwner};

/// The secrets of one owner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    /// The account that owns the owner.
    pub account_id: Option<AccountId>,
    /// Where in the vault each name's value is.
    pub names: BTreeMap<String, VaultRef>,
    /// Where the values are that were synced last, by name. `None`: nothing was ever synced.
    #[serde(default)]
    pub in_force: Option<BTreeMap<String, VaultRef>>,
    /// Whether the owner is gone.
    pub purged: bool,
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
    /// A runtime takes the values as they are now.
    Sync {
        /// The account that owns the owner.
        account_id: AccountId,
        /// Who has them.
        owner: SecretOwner,
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
            /// Where its former value is, if nothing refers to that any more.
            replaced: Option<VaultRef>,
        },
        /// A name is no longer set.
        Removed = "SecretRemoved", 1 {
            /// Which.
            name: String,
            /// Where its value is, which nothing refers to any more.
            vault_ref: VaultRef,
            /// Where the older value is that was in force, which nothing refers to any more either.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            in_force: Option<VaultRef>,
        },
        /// A runtime took the values as they were then: they are in force until the next time.
        Synced = "SecretsSynced", 1 {
            /// The account that owns the owner.
            account_id: AccountId,
            /// Who has them.
            owner: SecretOwner,
            /// Where each name's value is.
            in_force: BTreeMap<String, VaultRef>,
            /// Where values are that were in force until now, which nothing refers to any more.
            dropped: Vec<VaultRef>,
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

/// Whether an environment variable may be called so: a letter or `_`, then letters, digits and `_`.
pub fn is_environment_name(name: &str) -> bool {
    is_secret_name(name) && !name.contains(['.', '-'])
}

impl Secrets {
    fn is_in_force(&self, value: &VaultRef) -> bool {
        let mut values = self.in_force.iter().flat_map(BTreeMap::values);
        values.any(|known| known == value)
    }

    fn sync(&self, account_id: AccountId, owner: SecretOwner) -> Vec<SecretsEvent> {
        let nothing = BTreeMap::new();
        let before = self.in_force.as_ref().unwrap_or(&nothing);
        if *before == self.names {
            return vec![];
        }
        let dropped = before
            .values()
            .filter(|value| !self.names.values().any(|kept| kept == *value));
        vec![SecretsEvent::Synced {
            account_id,
            owner,
            in_force: self.names.clone(),
            dropped: dropped.cloned().collect(),
        }]
    }
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
            SecretsCommand::Store { .. } | SecretsCommand::Remove { .. } | SecretsCommand::Sync { .. }
                if self.purged =>
            {
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
                let former = self.names.get(&name);
                if former == Some(&vault_ref) {
                    return Ok(vec![]);
                }
                let replaced = former.filter(|former| !self.is_in_force(former)).cloned();
                if former.is_none() && self.names.len() >= MAX_SECRETS as usize {
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
                Some(vault_ref) => {
                    let in_force = self.in_force.as_ref().and_then(|values| values.get(&name));
                    Ok(vec![SecretsEvent::Removed {
                        in_force: in_force.filter(|older| **older != vault_ref).cloned(),
                        name,
                        vault_ref,
                    }])
                }
                None => Err(SecretsRefusal::SecretNotFound),
            },
            SecretsCommand::Sync { account_id, owner } => Ok(self.sync(account_id, owner)),
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
                if let Some(values) = &mut self.in_force {
                    values.remove(name);
                }
            }
            SecretsEvent::Synced {
                account_id, in_force, ..
            } => {
                self.account_id = Some(account_id.clone());
                self.in_force = Some(in_force.clone());
            }
            SecretsEvent::Purged { account_id, .. } => {
                self.account_id = Some(account_id.clone());
                self.names.clear();
                self.in_force = None;
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
