//! Settings of users.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, PolicyId, RuntimeId, UserId,
    settings::{Cidr, CommandBundle, Settings as SettingsOfUser, SettingsEvent, let_in},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// Settings of a user as they are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsDoc {
    /// Id of the user.
    pub id: UserId,
    /// The user's account.
    pub account_id: AccountId,
    /// Command bundles that are on, in their fixed order.
    pub bundles: Vec<CommandBundle>,
    /// CIDR blocks that may reach each port.
    pub firewall: BTreeMap<u16, Vec<Cidr>>,
    /// Whether the command bundles were ever saved.
    pub saved: bool,
    /// The policy made of the settings, while they have not changed since.
    pub migrated_policy_id: Option<PolicyId>,
    /// The block in `firewall` that is there because the runtime was started from it.
    pub captured: Option<Cidr>,
    /// What the user's runtime took last.
    pub in_force: SettingsInForce,
    /// Whether the user's runtime has still to take something: at once if it runs, else when it starts.
    pub pending_sync: bool,
    /// When anything was set first.
    pub created_at: DateTime<Utc>,
    /// When anything was set last.
    pub updated_at: DateTime<Utc>,
}

/// The settings that the user's runtime took last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsInForce {
    /// Which runtime; null: none took any yet.
    pub runtime_id: Option<RuntimeId>,
    /// Command bundles that are on there, in their fixed order.
    pub bundles: Vec<CommandBundle>,
    /// CIDR blocks that may reach each port there.
    pub firewall: BTreeMap<u16, Vec<Cidr>>,
}

impl Document for SettingsDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of settings.
#[derive(Debug)]
pub struct Settings;

impl Projection for Settings {
    type Doc = SettingsDoc;
    const NAME: &'static str = "settings";
    const VERSION: u32 = 2;

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Settings(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<SettingsDoc>, envelope: &Envelope) -> Option<SettingsDoc> {
        let AnyEvent::Settings(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        let (account_id, user_id) = match event {
            SettingsEvent::CommandBundlesSet {
                account_id, user_id, ..
            }
            | SettingsEvent::FirewallRulesReplaced {
                account_id, user_id, ..
            }
            | SettingsEvent::CallerIpCaptured {
                account_id, user_id, ..
            }
            | SettingsEvent::Pushed {
                account_id, user_id, ..
            }
            | SettingsEvent::FirewallApplied {
                account_id, user_id, ..
            }
            | SettingsEvent::MigratedToPolicy {
                account_id, user_id, ..
            } => (account_id, user_id),
        };
        let mut doc = doc.unwrap_or_else(|| SettingsDoc {
            id: user_id.clone(),
            account_id: account_id.clone(),
            bundles: Vec::new(),
            firewall: BTreeMap::new(),
            saved: false,
            migrated_policy_id: None,
            captured: None,
            in_force: SettingsInForce::default(),
            pending_sync: false,
            created_at: at,
            updated_at: at,
        });
        doc.updated_at = at;
        match event {
            SettingsEvent::CommandBundlesSet { bundles, .. } => {
                doc.bundles.clone_from(bundles);
                doc.saved = true;
                doc.migrated_policy_id = None;
            }
            SettingsEvent::FirewallRulesReplaced { rules, .. } => {
                doc.firewall.clone_from(rules);
                doc.captured = None;
            }
            SettingsEvent::CallerIpCaptured { port, block, .. } => {
                doc.captured = let_in(&mut doc.firewall, *port, *block, doc.captured);
            }
            SettingsEvent::Pushed {
                runtime_id, bundles, ..
            } => {
                doc.in_force.runtime_id = Some(runtime_id.clone());
                doc.in_force.bundles.clone_from(bundles);
            }
            SettingsEvent::FirewallApplied {
                runtime_id, rules, ..
            } => {
                doc.in_force.runtime_id = Some(runtime_id.clone());
                doc.in_force.firewall.clone_from(rules);
            }
            SettingsEvent::MigratedToPolicy {
                source, policy_id, ..
            } if source.is_empty() => {
                doc.migrated_policy_id = Some(policy_id.clone());
            }
            SettingsEvent::MigratedToPolicy { .. } => {}
        }
        doc.pending_sync = doc.bundles != doc.in_force.bundles || doc.firewall != doc.in_force.firewall;
        Some(doc)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: SettingsOfUser::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
