//! Machine: an entry in a user's list of managed computers, their own or the one we run for them.
//!
//! A person's own machine (`Local`) is registered with an activation code, activated once with it, and from
//! then on known by its node token. A `Cloud` machine only points at a runtime and lives as that does.
//!
//! **Invariants:** no event holds a code or a token, only hashes; a code works once and lapses; a removed
//! machine never changes again, and neither its code nor its token works.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Change, Decider, MachineId, RuntimeId, UserId, text};

mod command;
mod event;
mod kinds;
mod refusal;

pub use command::MachineCommand;
pub use event::MachineEvent;
pub use kinds::{MachineKind, MachineStatus};
pub use refusal::MachineRefusal;

/// A machine, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Its id, once it is registered.
    pub machine_id: Option<MachineId>,
    /// Whose account it is in.
    pub account_id: Option<AccountId>,
    /// Whose it is.
    pub user_id: Option<UserId>,
    /// Whose computer it is.
    pub kind: MachineKind,
    /// Display name.
    pub name: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Where it is in its life.
    pub status: MachineStatus,
    /// Hash of the activation code, while it works.
    pub code_hash: Option<String>,
    /// When the code lapses.
    pub code_expires_at: Option<DateTime<Utc>>,
    /// SHA-256 of the node token, while it works.
    pub token_hash: Option<String>,
    /// The runtime it is.
    pub runtime_id: Option<RuntimeId>,
}

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 500;

impl Machine {
    fn register(&self, command: MachineCommand) -> Result<Vec<MachineEvent>, MachineRefusal> {
        let MachineCommand::Register {
            machine_id,
            account_id,
            user_id,
            name,
            description,
            activation,
            runtime_id,
        } = command
        else {
            return Err(MachineRefusal::MachineNotFound);
        };
        if self.machine_id.is_some() {
            return Err(MachineRefusal::MachineAlreadyRegistered);
        }
        let (kind, code_hash, code_expires_at) = match activation {
            Some((hash, expires_at)) => (MachineKind::Local, Some(checked(hash)?), Some(expires_at)),
            None => (MachineKind::Cloud, None, None),
        };
        Ok(vec![MachineEvent::Registered {
            machine_id,
            account_id,
            user_id,
            kind,
            name: text::name(&name, 100).ok_or(MachineRefusal::NameInvalid)?,
            description: description.as_deref().map(described).transpose()?.flatten(),
            code_hash,
            code_expires_at,
            runtime_id,
        }])
    }

    fn activate(&self, command: MachineCommand) -> Result<Vec<MachineEvent>, MachineRefusal> {
        let MachineCommand::Activate {
            code_hash,
            token_hash,
            runtime_id,
            now,
        } = command
        else {
            return Err(MachineRefusal::MachineNotFound);
        };
        let fits = self.code_hash.as_ref() == Some(&code_hash);
        let in_time = self.code_expires_at.is_some_and(|expires_at| now < expires_at);
        if !fits || !in_time || self.status != MachineStatus::Pending {
            return Err(MachineRefusal::CodeUnknown);
        }
        Ok(vec![MachineEvent::Activated {
            code_hash,
            token_hash: checked(token_hash)?,
            runtime_id,
        }])
    }

    fn update(
        &self,
        name: Option<String>,
        description: Change<String>,
    ) -> Result<Vec<MachineEvent>, MachineRefusal> {
        let name = match name {
            Some(name) => text::name(&name, 100).ok_or(MachineRefusal::NameInvalid)?,
            None => self.name.clone(),
        };
        let description = match description {
            Change::Keep => self.description.clone(),
            Change::Clear => None,
            Change::Set(given) => described(&given)?,
        };
        if name == self.name && description == self.description {
            return Ok(vec![]);
        }
        Ok(vec![MachineEvent::Updated { name, description }])
    }
}

/// The trimmed description; an empty one is none. Line breaks are fine, other control characters are not.
fn described(given: &str) -> Result<Option<String>, MachineRefusal> {
    let trimmed = given.trim();
    let plain = trimmed.chars().all(|c| !c.is_control() || c == '\n' || c == '\t');
    if !plain || trimmed.chars().count() > MAX_DESCRIPTION {
        return Err(MachineRefusal::DescriptionInvalid);
    }
    Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
}

fn checked(hash: String) -> Result<String, MachineRefusal> {
    let well_formed = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if well_formed {
        Ok(hash)
    } else {
        Err(MachineRefusal::HashInvalid)
    }
}

impl Decider for Machine {
    const TYPE: &'static str = "machine";
    type Command = MachineCommand;
    type Event = MachineEvent;
    type Refusal = MachineRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        if matches!(command, MachineCommand::Register { .. }) {
            return self.register(command);
        }
        if self.machine_id.is_none() || self.is_gone() {
            return Err(MachineRefusal::MachineNotFound);
        }
        match command {
            MachineCommand::Activate { .. } => self.activate(command),
            MachineCommand::Update { name, description } => self.update(name, description),
            MachineCommand::Remove => Ok(vec![MachineEvent::Removed {
                code_hash: self.code_hash.clone(),
                token_hash: self.token_hash.clone(),
            }]),
            MachineCommand::Register { .. } => Err(MachineRefusal::MachineAlreadyRegistered),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            MachineEvent::Registered {
                machine_id,
                account_id,
                user_id,
                kind,
                name,
                description,
                code_hash,
                code_expires_at,
                runtime_id,
            } => {
                self.machine_id = Some(machine_id.clone());
                self.account_id = Some(account_id.clone());
                self.user_id = Some(user_id.clone());
                self.kind = *kind;
                self.name.clone_from(name);
                self.description.clone_from(description);
                self.status = MachineStatus::at_first(*kind);
                self.code_hash.clone_from(code_hash);
                self.code_expires_at = *code_expires_at;
                self.runtime_id.clone_from(runtime_id);
            }
            MachineEvent::Activated {
                token_hash,
                runtime_id,
                ..
            } => {
                self.status = MachineStatus::Active;
                self.code_hash = None;
                self.code_expires_at = None;
                self.token_hash = Some(token_hash.clone());
                self.runtime_id = Some(runtime_id.clone());
            }
            MachineEvent::Updated { name, description } => {
                self.name.clone_from(name);
                self.description.clone_from(description);
            }
            MachineEvent::Removed { .. } => {
                self.status = MachineStatus::Removed;
                self.code_hash = None;
                self.code_expires_at = None;
                self.token_hash = None;
            }
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        self.status == MachineStatus::Removed
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Machine(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
