//! Thermidora in one process, on the real store: every test names the behaviours of `contract/thermidora.yaml` that
//! it proves, and every answer on the way is compared with what the contract says of its endpoint.

mod agents;
mod api_keys;
mod auth;
mod client;
mod coverage;
mod deliveries;
mod errors;
mod events;
mod instances;
mod limits;
mod login;
mod matrix;
mod messages;
mod secrets;
mod skills;
mod stories;
mod webhooks;

/// Names the behaviours that the lines below prove. The coverage test reads the names from the source.
fn covers(ids: &[&str]) {
    assert!(!ids.is_empty());
}

/// Runs each test function on both databases: `<test>::on_sqlite` and `<test>::on_postgres`.
macro_rules! on_both_databases {
    ($($test:ident),* $(,)?) => {
        crate::rig::on_both_databases!(crate::thermidora::tests::client::server: $($test),*);
    };
}
pub(super) use on_both_databases;
