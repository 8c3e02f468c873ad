//! The views, by noun.

use crate::{AnyView, Projection, ViewOf};

pub mod account;
pub mod api_key;
pub mod ledger;
pub mod policy;
pub mod secret;
pub mod settings;
pub mod template;

/// Every view, in order of name.
pub fn all() -> Vec<Box<dyn AnyView>> {
    vec![
        view::<account::Accounts>(),
        view::<api_key::ApiKeys>(),
        view::<api_key::Credentials>(),
        view::<ledger::LedgerEntries>(),
        view::<ledger::Ledgers>(),
        view::<policy::Policies>(),
        view::<secret::Secrets>(),
        view::<settings::Settings>(),
        view::<template::Templates>(),
    ]
}

fn view<P: Projection>() -> Box<dyn AnyView> {
    Box::new(ViewOf::<P>::new())
}

#[cfg(test)]
mod tests;
