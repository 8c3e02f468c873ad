//! Names of secrets, one document per owner. Values are in the vault and are never read back.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope,
    secret::{OwnerKind, SecretOwner, Secrets as SecretsOfOwner, SecretsEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// Which secrets an owner has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretsDoc {
    /// The owner, `<kind>/<id>`.
    pub id: String,
    /// The account that owns the owner.
    pub account_id: AccountId,
    /// What the owner is.
    pub owner_kind: OwnerKind,
    /// Which one.
    pub owner_id: String,
    /// What is set, by name.
    pub names: Vec<SecretName>,
    /// When the first secret was stored.
    pub created_at: DateTime<Utc>,
    /// When anything changed last.
    pub updated_at: DateTime<Utc>,
}

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretName {
    /// Its name.
    pub name: String,
    /// When its value was set.
    pub set_at: DateTime<Utc>,
}

impl SecretsDoc {
    /// Whether a secret of that name is set.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|secret| secret.name == name)
    }

    fn of(account_id: &AccountId, owner: &SecretOwner, at: DateTime<Utc>) -> Self {
        Self {
            id: owner.to_string(),
            account_id: account_id.clone(),
            owner_kind: owner.kind,
            owner_id: owner.id.clone(),
            names: Vec::new(),
            created_at: at,
            updated_at: at,
        }
    }
}

impl Document for SecretsDoc {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(&self.owner_id)
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of secrets' names.
#[derive(Debug)]
pub struct Secrets;

impl Projection for Secrets {
    type Doc = SecretsDoc;
    const NAME: &'static str = "secrets";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["owner_kind"];
    const PARENT: Option<&'static str> = Some("owner_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Secrets(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<SecretsDoc>, envelope: &Envelope) -> Option<SecretsDoc> {
        let AnyEvent::Secrets(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        match event {
            SecretsEvent::Stored {
                account_id,
                owner,
                name,
                ..
            } => {
                let mut doc = doc.unwrap_or_else(|| SecretsDoc::of(account_id, owner, at));
                doc.names.retain(|secret| secret.name != *name);
                doc.names.push(SecretName {
                    name: name.clone(),
                    set_at: at,
                });
                doc.names.sort_by(|one, other| one.name.cmp(&other.name));
                doc.updated_at = at;
                Some(doc)
            }
            SecretsEvent::Removed { name, .. } => {
                let mut doc = doc?;
                doc.names.retain(|secret| secret.name != *name);
                doc.updated_at = at;
                Some(doc)
            }
            SecretsEvent::Synced { .. } => doc,
            SecretsEvent::Purged { .. } => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: SecretsOfOwner::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
