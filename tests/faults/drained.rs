//! SIGTERM under load: the server drains, ends well, and every acknowledged command is there afterwards.

use super::load::Load;
use crate::harness::{Account, Database, Log, SHORT, Server, on_both_databases, wait_until};

on_both_databases!(a_drained_server_loses_nothing);

async fn a_drained_server_loses_nothing(database: Database) {
    let mut server = Server::start(&database).await;
    let account = Account::make(&server, "aquarium").await;
    let load = Load::prepare(&account).await;
    for _ in 0..3 {
        let enough = load.acknowledged() + 100;
        let writers = load.start();
        wait_until("the load goes on", SHORT, async || {
            (load.acknowledged() >= enough).then_some(())
        })
        .await;
        let ended = server.terminate().await;
        assert!(ended.success(), "{ended}: {}", server.said());
        writers.end().await;
        server.start_again().await;
        load.finish_open().await;
        load.repeat_last(4).await;
    }
    load.is_in(&Log::read(&server.operator()).await);
    server.reef(&["verify"]).await.ok();
}
