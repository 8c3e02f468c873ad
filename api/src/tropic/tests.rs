//! Tropic in one process, on the real store: every test names the behaviours of `contract/tropic.yaml` that it
//! proves, and every answer on the way is compared with what the contract says of its endpoint.

mod agents;
mod api_keys;
mod client;
mod coverage;
mod credentials;
mod credits;
mod errors;
mod instances;
mod limits;
mod matrix;
mod policies;
mod pushes;
mod sessions;
mod settings;
mod tasks;
mod templates;
mod vm;

/// Names the behaviours that the lines below prove. The coverage test reads the names from the source.
fn covers(ids: &[&str]) {
    assert!(!ids.is_empty());
}

/// Runs each test function on both databases: `<test>::on_sqlite` and `<test>::on_postgres`.
macro_rules! on_both_databases {
    ($($test:ident),* $(,)?) => {
        crate::rig::on_both_databases!(crate::tropic::tests::client::server: $($test),*);
    };
}
pub(super) use on_both_databases;
