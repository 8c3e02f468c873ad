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
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use crate::{rig::{Database, Rig}, tropic::tests::client::server};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let rig = server(Database::sqlite(), |_| {}).await;
                super::$test(&rig).await;
                Rig::stop(rig).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(database) = Database::postgres() else { return };
                let rig = server(database, |_| {}).await;
                super::$test(&rig).await;
                Rig::stop(rig).await;
            }
        }
    )*};
}
pub(super) use on_both_databases;
