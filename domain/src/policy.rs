//! Policy: a named list of ALLOW / REQUIRE CONFIRM / DENY lines that limits what agents do.
//!
//! **Invariants:** the rules of a live policy parse; they are kept byte for byte as they were written.
//! How lines are read is in [`rules`], how a text is judged by them in [`matcher`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, PolicyId, Refusal, RefusalKind, UserId, event::events, text};

pub mod matcher;
pub mod rules;
mod words;

pub use matcher::{Decision, Verdict, evaluate};
pub use rules::{ParseError, Rule, Rules, Verb};

/// A policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id, once it exists.
    pub policy_id: Option<PolicyId>,
    /// Whose account it is in.
    pub account_id: Option<AccountId>,
    /// Whose it is.
    pub user_id: Option<UserId>,
    /// Display name.
    pub name: String,
    /// The rules as they were written.
    pub rules: String,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody wrote it.
    #[default]
    Manual,
    /// It was made of settings or of a template's default policy.
    Migrated,
}

/// What a policy can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyCommand {
    /// Make it.
    Create {
        /// New id.
        policy_id: PolicyId,
        /// Whose account it is in.
        account_id: AccountId,
        /// Whose it is.
        user_id: UserId,
        /// Display name, 1 to 100 characters.
        name: String,
        /// The rules, one per line.
        rules: String,
        /// Where it comes from.
        origin: Origin,
    },
    /// Change what is given, leave the rest.
    Update {
        /// Another name.
        name: Option<String>,
        /// Other rules.
        rules: Option<String>,
    },
    /// Remove it for good.
    Delete,
}

events! {
    /// What can happen to a policy.
    pub enum PolicyEvent {
        /// It was made.
        Created = "PolicyCreated", 1 {
            /// Its id.
            policy_id: PolicyId,
            /// Whose account it is in.
            account_id: AccountId,
            /// Whose it is.
            user_id: UserId,
            /// Display name.
            name: String,
            /// The rules as they were written.
            rules: String,
            /// Where it comes from.
            origin: Origin,
        },
        /// Name or rules are others.
        Updated = "PolicyUpdated", 1 {
            /// The name from now on, if it changed.
            name: Option<String>,
            /// The rules from now on, if they changed.
            rules: Option<String>,
        },
        /// It is gone.
        Deleted = "PolicyDeleted", 1 {},
    }
}

/// Why a policy says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// No such policy.
    #[error("there is no such policy")]
    PolicyNotFound,
    /// The id is taken.
    #[error("the policy already exists")]
    PolicyAlreadyExists,
    /// 1 to 100 printable characters.
    #[error("a name has 1 to 100 characters, none of them a control character")]
    NameInvalid,
    /// The rules do not parse.
    #[error("{0}")]
    RulesInvalid(#[from] ParseError),
}

impl Refusal for PolicyRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::PolicyNotFound => "policy_not_found",
            Self::PolicyAlreadyExists => "policy_already_exists",
            Self::NameInvalid => "name_invalid",
            Self::RulesInvalid(_) => "rules_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::PolicyNotFound => RefusalKind::NotFound,
            Self::PolicyAlreadyExists => RefusalKind::Conflict,
            Self::NameInvalid | Self::RulesInvalid(_) => RefusalKind::Invalid,
        }
    }
}

impl Policy {
    fn update(&self, name: Option<String>, rules: Option<String>) -> Result<Vec<PolicyEvent>, PolicyRefusal> {
        let name = name
            .map(|name| text::name(&name, 100).ok_or(PolicyRefusal::NameInvalid))
            .transpose()?;
        if let Some(rules) = &rules {
            Rules::parse_some(rules)?;
        }
        let name = name.filter(|name| *name != self.name);
        let rules = rules.filter(|rules| *rules != self.rules);
        if name.is_none() && rules.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![PolicyEvent::Updated { name, rules }])
    }
}

impl Decider for Policy {
    const TYPE: &'static str = "policy";
    type Command = PolicyCommand;
    type Event = PolicyEvent;
    type Refusal = PolicyRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        let live = self.policy_id.is_some() && !self.deleted;
        match command {
            PolicyCommand::Create { .. } if self.policy_id.is_some() => {
                Err(PolicyRefusal::PolicyAlreadyExists)
            }
            PolicyCommand::Create {
                policy_id,
                account_id,
                user_id,
                name,
                rules,
                origin,
            } => {
                let name = text::name(&name, 100).ok_or(PolicyRefusal::NameInvalid)?;
                // A template's default may be empty: then everything needs confirmation.
                match origin {
                    Origin::Manual => Rules::parse_some(&rules)?,
                    Origin::Migrated => Rules::parse(&rules)?,
                };
                Ok(vec![PolicyEvent::Created {
                    policy_id,
                    account_id,
                    user_id,
                    name,
                    rules,
                    origin,
                }])
            }
            PolicyCommand::Update { .. } | PolicyCommand::Delete if !live => {
                Err(PolicyRefusal::PolicyNotFound)
            }
            PolicyCommand::Update { name, rules } => self.update(name, rules),
            PolicyCommand::Delete => Ok(vec![PolicyEvent::Deleted {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            PolicyEvent::Created {
                policy_id,
                account_id,
                user_id,
                name,
                rules,
                ..
            } => {
                self.policy_id = Some(policy_id.clone());
                self.account_id = Some(account_id.clone());
                self.user_id = Some(user_id.clone());
                self.name.clone_from(name);
                self.rules.clone_from(rules);
            }
            PolicyEvent::Updated { name, rules } => {
                if let Some(name) = name {
                    self.name.clone_from(name);
                }
                if let Some(rules) = rules {
                    self.rules.clone_from(rules);
                }
            }
            PolicyEvent::Deleted {} => self.deleted = true,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        self.deleted
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Policy(event) = any {
            Some(event)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
