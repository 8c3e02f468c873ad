//! A SQLite file serves one process: a second server is refused clearly, and the first goes on.

use crate::harness::{Account, Database, Server, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_file_is_refused() {
    let database = Database::sqlite();
    let mut first = Server::start(&database).await;
    let account = Account::make(&first, "aquarium").await;

    let (ended, said) = Setup::named(&database, "second").refuses().await;
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(
        said.contains("another") && said.contains("reef.db"),
        "it is not said clearly: {said}"
    );
    assert!(!said.contains("panicked"), "{said}");
    account.policy("still served", "ALLOW: read").await;

    // Nothing of a killed server is in the way of the next.
    first.kill();
    let second = Setup::named(&database, "second").start().await;
    let client = second.client(Some(account.client.key()));
    assert_eq!(client.list("policies", "").await.len(), 1);
}
