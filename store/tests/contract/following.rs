//! Checkpoints, leases and parked intents.

use std::time::Duration;

use reef_commands::ports::{Checkpoints, EventLog, Lease, LogError, Parked};

use super::{
    fixture::{Database, HandClock, on_both},
    given::claim,
};

on_both! {
    one_holder_at_a_time,
    a_lost_lease_moves_nothing,
    intents_are_parked_and_taken_out_again,
    the_watch_wakes_with_every_commit,
}

const TTL: Duration = Duration::from_secs(30);

async fn one_holder_at_a_time(database: Database) {
    let store = database.open().await;
    let first = store.acquire("m", "node-1", TTL).await.unwrap().unwrap();
    assert_eq!(store.acquire("m", "node-2", TTL).await.unwrap(), None);
    assert_eq!(
        store.acquire("m", "node-1", TTL).await.unwrap(),
        Some(first.clone()),
        "renewed"
    );
    assert!(store.acquire("other", "node-2", TTL).await.unwrap().is_some());
    store.release(&first).await.unwrap();
    let second = store.acquire("m", "node-2", TTL).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
    // Given up, it is free for its old holder too, but as another lease.
    store.release(&first).await.unwrap();
    assert_eq!(
        store.acquire("m", "node-1", TTL).await.unwrap(),
        None,
        "an old lease releases nothing"
    );
    // An expired lease goes to whoever asks.
    store
        .acquire("m", "node-2", Duration::ZERO)
        .await
        .unwrap()
        .unwrap();
    let third = store.acquire("m", "node-1", TTL).await.unwrap().unwrap();
    assert!(third.fence > second.fence);
}

async fn a_lost_lease_moves_nothing(database: Database) {
    let clock = HandClock::at(1_000_000);
    let store = database.open_at(clock).await;
    let lost = store
        .acquire("m", "node-1", Duration::ZERO)
        .await
        .unwrap()
        .unwrap();
    store.advance(&lost, 5).await.unwrap();
    assert_eq!(store.checkpoint("m").await.unwrap(), 5);
    let held = store.acquire("m", "node-2", TTL).await.unwrap().unwrap();
    assert_eq!(store.advance(&lost, 9).await, Err(LogError::Fenced));
    assert_eq!(store.park(&lost, &parked("a", 1)).await, Err(LogError::Fenced));
    assert_eq!(
        store
            .advance(
                &Lease {
                    name: "unknown".to_owned(),
                    fence: 1
                },
                9
            )
            .await,
        Err(LogError::Fenced)
    );
    store.advance(&held, 6).await.unwrap();
    store.release(&held).await.unwrap();
    assert_eq!(store.advance(&held, 7).await, Err(LogError::Fenced));
    assert_eq!(store.checkpoints().await.unwrap(), [("m".to_owned(), 6)]);
    assert_eq!(store.checkpoint("unknown").await.unwrap(), 0);
    assert_eq!(store.parked(None).await.unwrap(), []);
}

fn parked(key: &str, position: u64) -> Parked {
    Parked {
        manager: "m".to_owned(),
        key: key.to_owned(),
        position,
        step: "start".to_owned(),
        error: "no answer \u{1F980}".to_owned(),
        attempts: 3,
        parked_at: chrono::DateTime::from_timestamp_micros(1_700_000_000_000_123).unwrap(),
    }
}

async fn intents_are_parked_and_taken_out_again(database: Database) {
    let store = database.open().await;
    let lease = store.acquire("m", "node", TTL).await.unwrap().unwrap();
    store.park(&lease, &parked("b", 2)).await.unwrap();
    store.park(&lease, &parked("a", 1)).await.unwrap();
    let worse = Parked {
        attempts: 4,
        ..parked("b", 2)
    };
    store.park(&lease, &worse).await.unwrap();
    assert_eq!(
        store.parked(Some("m")).await.unwrap(),
        [parked("a", 1), worse.clone()]
    );
    assert_eq!(store.parked(Some("other")).await.unwrap(), []);
    assert!(store.unpark("m", "a", 1, "start").await.unwrap());
    assert!(!store.unpark("m", "a", 1, "start").await.unwrap());
    assert_eq!(store.parked(None).await.unwrap(), [worse]);
}

async fn the_watch_wakes_with_every_commit(database: Database) {
    let store = database.open().await;
    let mut watch = store.watch();
    for number in 0..5 {
        let position = claim(&store, "p/1", number, "x").await;
        let seen = tokio::time::timeout(TTL, watch.wait_for(|seen| *seen >= position)).await;
        assert_eq!(*seen.unwrap().unwrap(), position);
    }
}
