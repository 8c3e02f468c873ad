//! Machines as their owners see them, and what their codes and tokens stand for.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, MachineId, RuntimeId, UserId,
    machine::{Machine, MachineEvent, MachineKind, MachineStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A machine as it is read. How a cloud machine does is said by its runtime; when one was seen last is no
/// event and kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineDoc {
    /// Its id.
    pub id: MachineId,
    /// Whose account it is in.
    pub account_id: AccountId,
    /// Whose it is.
    pub user_id: UserId,
    /// Whose computer it is.
    pub kind: MachineKind,
    /// Display name.
    pub name: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Where it is in its life.
    pub status: MachineStatus,
    /// The runtime it is, if there is one yet.
    pub runtime_id: Option<RuntimeId>,
    /// When its activation code lapses, while that was not used.
    pub code_expires_at: Option<DateTime<Utc>>,
    /// When its activation code was used.
    pub activated_at: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl Document for MachineDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.user_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        Some(self.status.name())
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of machines. Removed ones have left it.
#[derive(Debug)]
pub struct Machines;

impl Projection for Machines {
    type Doc = MachineDoc;
    const NAME: &'static str = "machines";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["kind", "runtime_id"];
    const PARENT: Option<&'static str> = Some("user_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Machine(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<MachineDoc>, envelope: &Envelope) -> Option<MachineDoc> {
        let AnyEvent::Machine(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        match event {
            MachineEvent::Registered {
                machine_id,
                account_id,
                user_id,
                kind,
                name,
                description,
                code_expires_at,
                runtime_id,
                ..
            } => Some(MachineDoc {
                id: machine_id.clone(),
                account_id: account_id.clone(),
                user_id: user_id.clone(),
                kind: *kind,
                name: name.clone(),
                description: description.clone(),
                status: MachineStatus::at_first(*kind),
                runtime_id: runtime_id.clone(),
                code_expires_at: *code_expires_at,
                activated_at: None,
                created_at: at,
                updated_at: at,
            }),
            MachineEvent::Activated { runtime_id, .. } => doc.map(|doc| MachineDoc {
                status: MachineStatus::Active,
                runtime_id: Some(runtime_id.clone()),
                code_expires_at: None,
                activated_at: Some(at),
                updated_at: at,
                ..doc
            }),
            MachineEvent::Updated { name, description } => doc.map(|doc| MachineDoc {
                name: name.clone(),
                description: description.clone(),
                updated_at: at,
                ..doc
            }),
            MachineEvent::Removed { .. } => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Machine::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

/// What a code or a token that works stands for. One that does not work any more has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineCredentialDoc {
    /// The hash, 64 lower-case hexadecimal digits.
    pub id: String,
    /// Whose it is.
    pub machine_id: MachineId,
    /// The account the machine is in.
    pub account_id: AccountId,
    /// Whether it is a node token; else it is an activation code.
    pub is_token: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Document for MachineCredentialDoc {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.machine_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of activation codes and node tokens: one read finds the machine.
#[derive(Debug)]
pub struct MachineCredentials;

impl Projection for MachineCredentials {
    type Doc = MachineCredentialDoc;
    const NAME: &'static str = "machine_credentials";
    const VERSION: u32 = 1;
    const PARENT: Option<&'static str> = Some("machine_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let AnyEvent::Machine(event) = &envelope.event else {
            return vec![];
        };
        match event {
            MachineEvent::Registered { code_hash, .. } => code_hash.iter().map(Touch::one).collect(),
            MachineEvent::Activated {
                code_hash,
                token_hash,
                ..
            } => vec![Touch::one(code_hash), Touch::one(token_hash)],
            MachineEvent::Removed {
                code_hash,
                token_hash,
            } => code_hash.iter().chain(token_hash).map(Touch::one).collect(),
            MachineEvent::Updated { .. } => vec![],
        }
    }

    fn fold(doc: Option<MachineCredentialDoc>, envelope: &Envelope) -> Option<MachineCredentialDoc> {
        let AnyEvent::Machine(event) = &envelope.event else {
            return doc;
        };
        let made = |hash: &str, is_token| {
            Some(MachineCredentialDoc {
                id: hash.to_owned(),
                machine_id: MachineId::new(envelope.aggregate_id.clone()),
                account_id: envelope.account_id.clone()?,
                is_token,
                created_at: envelope.recorded_at,
            })
        };
        match event {
            MachineEvent::Registered { code_hash, .. } => made(code_hash.as_deref()?, false),
            // The code has a document, which goes; the token has none yet.
            MachineEvent::Activated { token_hash, .. } if doc.is_none() => made(token_hash, true),
            MachineEvent::Activated { .. } | MachineEvent::Removed { .. } => None,
            MachineEvent::Updated { .. } => doc,
        }
    }

    fn source(_: &str, parent_id: Option<&str>) -> Option<Source> {
        let aggregate_id = parent_id?.to_owned();
        Some(Source {
            aggregate_type: Machine::TYPE,
            aggregate_id,
        })
    }
}

#[cfg(test)]
mod tests;
