//! API keys as their owners see them, and credentials as a request's key is looked up.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, ApiKeyId, Decider, Dialect, Envelope, UserId,
    api_key::{ApiKey, ApiKeyEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyStatus {
    /// It does.
    Active,
    /// Not any more.
    Revoked,
}

/// An API key as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyDoc {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose account it opens.
    pub account_id: AccountId,
    /// Who acts with it.
    pub user_id: UserId,
    /// Display name.
    pub name: Option<String>,
    /// The first characters of the key.
    pub prefix: String,
    /// What it may be used for.
    pub scopes: BTreeSet<String>,
    /// Whether it works.
    pub status: ApiKeyStatus,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Document for ApiKeyDoc {
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
        Some(match self.status {
            ApiKeyStatus::Active => "active",
            ApiKeyStatus::Revoked => "revoked",
        })
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of API keys.
#[derive(Debug)]
pub struct ApiKeys;

impl Projection for ApiKeys {
    type Doc = ApiKeyDoc;
    const NAME: &'static str = "api_keys";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["prefix"];
    const PARENT: Option<&'static str> = Some("user_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::ApiKey(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<ApiKeyDoc>, envelope: &Envelope) -> Option<ApiKeyDoc> {
        let AnyEvent::ApiKey(event) = &envelope.event else {
            return doc;
        };
        match event {
            ApiKeyEvent::Issued {
                key_id,
                account_id,
                user_id,
                name,
                prefix,
                scopes,
                ..
            } => Some(ApiKeyDoc {
                id: key_id.clone(),
                account_id: account_id.clone(),
                user_id: user_id.clone(),
                name: name.clone(),
                prefix: prefix.clone(),
                scopes: scopes.clone(),
                status: ApiKeyStatus::Active,
                created_at: envelope.recorded_at,
                revoked_at: None,
            }),
            ApiKeyEvent::Revoked { .. } => {
                let mut doc = doc?;
                doc.status = ApiKeyStatus::Revoked;
                doc.revoked_at = Some(envelope.recorded_at);
                Some(doc)
            }
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: ApiKey::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

/// What a key that works stands for. Revoked keys have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialDoc {
    /// SHA-256 of the key, 64 lower-case hexadecimal digits.
    pub id: String,
    /// The key's id.
    pub key_id: ApiKeyId,
    /// Whose account it opens.
    pub account_id: AccountId,
    /// Who acts with it.
    pub user_id: UserId,
    /// The wire API it is for.
    pub dialect: Dialect,
    /// What it may be used for; `*`: everything.
    pub scopes: BTreeSet<String>,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
}

impl Document for CredentialDoc {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        Some(self.key_id.as_str())
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of credentials: one read finds whom a presented key stands for.
#[derive(Debug)]
pub struct Credentials;

impl Projection for Credentials {
    type Doc = CredentialDoc;
    const NAME: &'static str = "credentials";
    const VERSION: u32 = 1;
    const PARENT: Option<&'static str> = Some("key_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let AnyEvent::ApiKey(event) = &envelope.event else {
            return vec![];
        };
        match event {
            ApiKeyEvent::Issued { sha256, .. } | ApiKeyEvent::Revoked { sha256 } => vec![Touch::one(sha256)],
        }
    }

    fn fold(doc: Option<CredentialDoc>, envelope: &Envelope) -> Option<CredentialDoc> {
        let AnyEvent::ApiKey(event) = &envelope.event else {
            return doc;
        };
        match event {
            ApiKeyEvent::Issued {
                key_id,
                account_id,
                user_id,
                dialect,
                sha256,
                scopes,
                ..
            } => Some(CredentialDoc {
                id: sha256.clone(),
                key_id: key_id.clone(),
                account_id: account_id.clone(),
                user_id: user_id.clone(),
                dialect: *dialect,
                scopes: scopes.clone(),
                created_at: envelope.recorded_at,
            }),
            ApiKeyEvent::Revoked { .. } => None,
        }
    }

    fn source(_: &str, parent_id: Option<&str>) -> Option<Source> {
        let aggregate_id = parent_id?.to_owned();
        Some(Source {
            aggregate_type: ApiKey::TYPE,
            aggregate_id,
        })
    }
}

#[cfg(test)]
mod tests;
