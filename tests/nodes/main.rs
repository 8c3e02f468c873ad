//! Two servers on one PostgreSQL: either takes any command, both show everything at once, and what the
//! system does by itself happens once.

#[path = "../harness/harness.rs"]
mod harness;

mod contention;
mod followers;
mod reads;
mod thermidora;
mod tropic;

use harness::{Database, Server, Setup};

/// Two nodes on one database; `None`, said aloud, without PostgreSQL.
async fn two_nodes() -> Option<(Server, Server)> {
    let database = Database::postgres()?;
    let first = Setup::named(&database, "node-a").start().await;
    let second = Setup::named(&database, "node-b").start().await;
    Some((first, second))
}
