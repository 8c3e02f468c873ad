//! Policies.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, PolicyId, UserId,
    policy::{Origin, Policy, PolicyEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A policy as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyDoc {
    /// Its id.
    pub id: PolicyId,
    /// Whose account it is in.
    pub account_id: AccountId,
    /// Whose it is.
    pub user_id: UserId,
    /// Display name.
    pub name: String,
    /// The rules as they were written, one per line.
    pub rules: String,
    /// Where it comes from.
    pub origin: Origin,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When name or rules changed last.
    pub updated_at: DateTime<Utc>,
}

impl Document for PolicyDoc {
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
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of policies.
#[derive(Debug)]
pub struct Policies;

impl Projection for Policies {
    type Doc = PolicyDoc;
    const NAME: &'static str = "policies";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["name", "origin"];
    const PARENT: Option<&'static str> = Some("user_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Policy(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<PolicyDoc>, envelope: &Envelope) -> Option<PolicyDoc> {
        let AnyEvent::Policy(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        match event {
            PolicyEvent::Created {
                policy_id,
                account_id,
                user_id,
                name,
                rules,
                origin,
            } => Some(PolicyDoc {
                id: policy_id.clone(),
                account_id: account_id.clone(),
                user_id: user_id.clone(),
                name: name.clone(),
                rules: rules.clone(),
                origin: *origin,
                created_at: at,
                updated_at: at,
            }),
            PolicyEvent::Updated { name, rules } => {
                let mut doc = doc?;
                if let Some(name) = name {
                    doc.name.clone_from(name);
                }
                if let Some(rules) = rules {
                    doc.rules.clone_from(rules);
                }
                doc.updated_at = at;
                Some(doc)
            }
            PolicyEvent::Deleted {} => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Policy::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
