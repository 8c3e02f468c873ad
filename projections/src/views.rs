//! The views, by noun.

use crate::{AnyView, Projection, ViewOf};

mod shared;

pub mod account;
pub mod activity;
pub mod agent;
pub mod api_key;
pub mod checkout;
pub mod conversation;
pub mod identity;
pub mod ledger;
pub mod machine;
pub mod message;
pub mod policy;
pub mod provisioning_job;
pub mod runtime;
pub mod runtime_charge;
pub mod secret;
pub mod settings;
pub mod skill;
pub mod skill_installation;
pub mod task;
pub mod template;
pub mod timer;
pub mod usage;
pub mod webhook;
pub mod workspace_file;

pub use shared::{Failure, TokenUsage};

/// Every view, in order of name.
pub fn all() -> Vec<Box<dyn AnyView>> {
    vec![
        view::<account::Accounts>(),
        view::<activity::Activities>(),
        view::<agent::Agents>(),
        view::<api_key::ApiKeys>(),
        view::<checkout::Checkouts>(),
        view::<conversation::Conversations>(),
        view::<api_key::Credentials>(),
        view::<identity::Identities>(),
        view::<ledger::LedgerEntries>(),
        view::<ledger::Ledgers>(),
        view::<machine::MachineCredentials>(),
        view::<machine::Machines>(),
        view::<message::Messages>(),
        view::<policy::Policies>(),
        view::<provisioning_job::ProvisioningJobs>(),
        view::<runtime_charge::RuntimeCharges>(),
        view::<runtime::Runtimes>(),
        view::<secret::Secrets>(),
        view::<settings::Settings>(),
        view::<skill_installation::SkillInstallations>(),
        view::<skill::Skills>(),
        view::<task::Tasks>(),
        view::<template::Templates>(),
        view::<timer::Timers>(),
        view::<usage::Usages>(),
        view::<webhook::Webhooks>(),
        view::<workspace_file::WorkspaceFiles>(),
    ]
}

fn view<P: Projection>() -> Box<dyn AnyView> {
    Box::new(ViewOf::<P>::new())
}

#[cfg(test)]
mod kit;
#[cfg(test)]
mod tests;
