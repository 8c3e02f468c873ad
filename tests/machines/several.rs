//! Several processes of one server: a machine keeps a connection to each that it was told of.

use crate::{
    harness::{Account, Database, Setup},
    machine::Machine,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_that_a_machine_is_told_of_can_use_it() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let first = Setup::named(&database, "node-a").start().await;
    let second = Setup::named(&database, "node-b").start().await;
    let here = Account::make(&first, "lab").await;
    let there = Account {
        id: here.id.clone(),
        user: here.user.clone(),
        key_id: here.key_id.clone(),
        client: second.client(Some(here.client.key())),
    };
    let mut machine = Machine::register(&first, &here, "laptop").await;
    machine.also_to(&second);
    machine.start(&["--code", &machine.code.clone()]);
    // Either process may be the one that provisions and hands tasks out.
    let agent = machine.agent(&here, "Clownfish", None).await;
    for account in [&here, &there] {
        let reply = account.chat(&agent, "Who is there?").await;
        assert!(!reply.text().is_empty());
        let task = account.submit(&agent, "paint the fence").await;
        account.becomes("tasks", &task, "awaiting_approval").await;
    }
    // What one process is told cuts off the connection to the other as well.
    machine.remove(&there).await;
    assert_eq!(machine.ends().await.code(), Some(5), "{}", machine.said());
}
