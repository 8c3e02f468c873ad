//! API key: a long-lived credential of a user. Only its SHA-256 is ever stored.
//!
//! **Invariant:** a revoked key stays revoked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AnyEvent, ApiKeyId, Decider, Dialect, Refusal, RefusalKind, UserId, event::events, text,
};

/// An API key, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, once it is issued.
    pub key_id: Option<ApiKeyId>,
    /// Whose account it opens.
    pub account_id: Option<AccountId>,
    /// Who acts with it.
    pub user_id: Option<UserId>,
    /// SHA-256 of the key, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether it is revoked.
    pub revoked: bool,
}

/// What an API key can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiKeyCommand {
    /// Make it known.
    Issue {
        /// New id.
        key_id: ApiKeyId,
        /// Whose account it opens.
        account_id: AccountId,
        /// Who acts with it.
        user_id: UserId,
        /// The wire API it is for.
        dialect: Dialect,
        /// Display name, 1 to 100 characters.
        name: Option<String>,
        /// The first characters of the key, to tell it from others.
        prefix: String,
        /// SHA-256 of the key, 64 lower-case hexadecimal digits.
        sha256: String,
        /// What it may be used for; `*`: everything.
        scopes: Vec<String>,
    },
    /// Make it useless.
    Revoke,
}

events! {
    /// What can happen to an API key.
    pub enum ApiKeyEvent {
        /// It works from now on.
        Issued = "ApiKeyIssued", 1 {
            /// Its id.
            key_id: ApiKeyId,
            /// Whose account it opens.
            account_id: AccountId,
            /// Who acts with it.
            user_id: UserId,
            /// The wire API it is for.
            dialect: Dialect,
            /// Display name.
            name: Option<String>,
            /// The first characters of the key.
            prefix: String,
            /// SHA-256 of the key, hexadecimal.
            sha256: String,
            /// What it may be used for, in order, each once.
            scopes: BTreeSet<String>,
        },
        /// It works no longer.
        Revoked = "ApiKeyRevoked", 1 {
            /// SHA-256 of the key, so that every cache can drop it.
            sha256: String,
        },
    }
}

/// Why an API key says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyRefusal {
    /// No such key.
    #[error("there is no such API key")]
    ApiKeyNotFound,
    /// The id is taken.
    #[error("the API key is already issued")]
    ApiKeyAlreadyIssued,
    /// 1 to 100 printable characters.
    #[error("a name has 1 to 100 characters, none of them a control character")]
    NameInvalid,
    /// A scope is not written like one.
    #[error("a key has 1 to 32 scopes of lower-case letters, digits and . : _ - *, each up to 64 characters")]
    ScopesInvalid,
    /// The hash or the prefix does not look like one.
    #[error("the hash of the key is malformed")]
    HashInvalid,
}

impl Refusal for ApiKeyRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::ApiKeyNotFound => "api_key_not_found",
            Self::ApiKeyAlreadyIssued => "api_key_already_issued",
            Self::NameInvalid => "name_invalid",
            Self::ScopesInvalid => "scopes_invalid",
            Self::HashInvalid => "hash_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::ApiKeyNotFound => RefusalKind::NotFound,
            Self::ApiKeyAlreadyIssued => RefusalKind::Conflict,
            Self::NameInvalid | Self::ScopesInvalid | Self::HashInvalid => RefusalKind::Invalid,
        }
    }
}

fn checked_scopes(scopes: Vec<String>) -> Option<BTreeSet<String>> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".:_-*".contains(c);
    let well_formed = (1..=32).contains(&scopes.len())
        && scopes
            .iter()
            .all(|scope| (1..=64).contains(&scope.len()) && scope.chars().all(plain));
    well_formed.then(|| scopes.into_iter().collect())
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Decider for ApiKey {
    const TYPE: &'static str = "api_key";
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Refusal = ApiKeyRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        match command {
            ApiKeyCommand::Issue { .. } if self.key_id.is_some() => Err(ApiKeyRefusal::ApiKeyAlreadyIssued),
            ApiKeyCommand::Issue {
                key_id,
                account_id,
                user_id,
                dialect,
                name,
                prefix,
                sha256,
                scopes,
            } => {
                let name = name
                    .map(|name| text::name(&name, 100).ok_or(ApiKeyRefusal::NameInvalid))
                    .transpose()?;
                let scopes = checked_scopes(scopes).ok_or(ApiKeyRefusal::ScopesInvalid)?;
                if !is_sha256(&sha256) || text::name(&prefix, 32).as_ref() != Some(&prefix) {
                    return Err(ApiKeyRefusal::HashInvalid);
                }
                Ok(vec![ApiKeyEvent::Issued {
                    key_id,
                    account_id,
                    user_id,
                    dialect,
                    name,
                    prefix,
                    sha256,
                    scopes,
                }])
            }
            ApiKeyCommand::Revoke if self.key_id.is_none() => Err(ApiKeyRefusal::ApiKeyNotFound),
            ApiKeyCommand::Revoke if self.revoked => Ok(vec![]),
            ApiKeyCommand::Revoke => Ok(vec![ApiKeyEvent::Revoked {
                sha256: self.sha256.clone(),
            }]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            ApiKeyEvent::Issued {
                key_id,
                account_id,
                user_id,
                sha256,
                ..
            } => {
                self.key_id = Some(key_id.clone());
                self.account_id = Some(account_id.clone());
                self.user_id = Some(user_id.clone());
                self.sha256.clone_from(sha256);
            }
            ApiKeyEvent::Revoked { .. } => self.revoked = true,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::ApiKey(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
