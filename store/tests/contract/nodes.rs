//! Several processes on one database: nodes on PostgreSQL, a second server on a SQLite file.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use reef_commands::ports::{EventLog, LogError, SystemClock, Vault, VaultOwner, Views};
use reef_store::{Store, StoreError, merkle};
use sqlx::{Column, Connection, PgConnection, Row, TypeInfo};

use super::{
    fixture::{Database, master, on_postgres, on_sqlite},
    given::{all_events, claim, claimed, conflict, everything, once, place, to},
    sample,
};

#[tokio::test]
async fn a_second_server_on_the_file_is_refused() {
    on_sqlite(async |database: Database| {
        let store = database.open().await;
        let second = database
            .try_open(sample::views(), master(7), Arc::new(SystemClock))
            .await;
        let Some(StoreError::InUse(path)) = second.err() else {
            panic!("opened twice")
        };
        assert!(path.ends_with("reef.db"));
        drop(store);
        claim(&database.open().await, "p/1", 0, "x").await;
    })
    .await;
}

#[tokio::test]
async fn bad_urls_are_refused() {
    on_sqlite(async |database: Database| {
        for url in [
            "",
            "reef.db",
            "mysql://x/y",
            "sqlite://",
            "sqlite:///x/",
            "postgres://[",
        ] {
            let wrong = Database {
                url: url.to_owned(),
                ..database.clone()
            };
            let opened = wrong
                .try_open(sample::views(), master(7), Arc::new(SystemClock))
                .await;
            assert!(matches!(opened.err(), Some(StoreError::Url(_))), "{url}");
        }
        let nobody = Database {
            url: "postgres://nobody@127.0.0.1:1/none".to_owned(),
            ..database
        };
        let opened = nobody
            .try_open(sample::views(), master(7), Arc::new(SystemClock))
            .await;
        assert!(matches!(opened.err(), Some(StoreError::Unavailable(_))));
    })
    .await;
}

async fn write_many(store: Store, node: &'static str, writers: u64) -> Vec<u64> {
    let tasks = (0..writers).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for round in 0..10 {
                positions.push(claim(&store, &format!("{node}/{writer}"), round, "x").await);
            }
            positions
        })
    });
    join_all(tasks)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_share_one_order() {
    on_postgres(async |database: Database| {
        let (one, two) = tokio::join!(database.open(), database.open());
        let (first, second) =
            tokio::join!(write_many(one.clone(), "a", 32), write_many(two.clone(), "b", 32));
        let positions: BTreeSet<u64> = first.into_iter().chain(second).collect();
        assert_eq!(positions, (1..=640).collect());
        for store in [&one, &two] {
            let head = store.head().await.unwrap();
            assert_eq!(head.position, 640);
            assert_eq!(head.root, merkle::root(&store.leaves(1, 640).await.unwrap()));
            assert_eq!(place(store, "a/3").await.unwrap().holders.len(), 10);
            assert_eq!(place(store, "b/3").await.unwrap().holders.len(), 10);
            store.watch().wait_for(|position| *position == 640).await.unwrap();
            assert!(
                all_events(store)
                    .await
                    .iter()
                    .map(|event| event.position)
                    .eq(1..=640)
            );
        }
        let inline = (
            one.digest("places").await.unwrap(),
            one.digest("seats").await.unwrap(),
        );
        two.rebuild(&[]).await.unwrap();
        assert_eq!(
            (
                one.digest("places").await.unwrap(),
                one.digest("seats").await.unwrap()
            ),
            inline
        );
        assert_eq!(claim(&one, "after", 0, "x").await, 641);
        assert_eq!(claim(&two, "after", 1, "x").await, 642);
        assert_eq!(
            two.digest("places").await.unwrap(),
            one.digest("places").await.unwrap()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_sees_at_once_what_another_stored() {
    on_postgres(async |database: Database| {
        let (one, two) = tokio::join!(database.open(), database.open());
        for number in 0..20 {
            let (writer, reader) = if number % 2 == 0 {
                (&one, &two)
            } else {
                (&two, &one)
            };
            claim(writer, "p/1", number, "x").await;
            assert_eq!(
                place(reader, "p/1").await.unwrap().holders.len() as u64,
                number + 1
            );
        }
        assert_eq!(
            conflict(one.append(to("p/1", 7, vec![claimed("y")])).await),
            "reservation/p/1"
        );
        one.append(once(to("p/2", 0, vec![claimed("y")]), "k", ""))
            .await
            .unwrap();
        let again = two.append(once(to("p/3", 0, vec![claimed("y")]), "k", "")).await;
        assert_eq!(again.unwrap_err(), LogError::AlreadyDone);
        assert_eq!(
            conflict(two.append(to("p/2", 0, vec![claimed("y")])).await),
            "reservation/p/2"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_is_woken_by_another() {
    on_postgres(async |database: Database| {
        let (one, two) = tokio::join!(database.open(), database.open());
        let mut watch = two.watch();
        let position = claim(&one, "p/1", 0, "x").await;
        let woken = tokio::time::timeout(Duration::from_secs(20), watch.wait_for(|seen| *seen >= position));
        assert_eq!(*woken.await.unwrap().unwrap(), position);
        assert_eq!(all_events(&two).await, all_events(&one).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_destroyed_on_one_node_soon_opens_nothing_on_another() {
    on_postgres(async |database: Database| {
        let (one, two) = tokio::join!(database.open(), database.open());
        let owner = VaultOwner::new("agent", "agt_1");
        let sealed = one.seal(&owner, "p", b"x").await.unwrap();
        two.open(&owner, "p", &sealed).await.unwrap();
        one.destroy(&owner).await.unwrap();
        let closed = async {
            while two.open(&owner, "p", &sealed).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), closed)
            .await
            .unwrap();
    })
    .await;
}

/// The statement and the types are those of postgres-es 0.5, which this workspace cannot link: it wants
/// another SQLite.
#[tokio::test]
async fn the_statement_of_stock_postgres_es_reads_the_log() {
    on_postgres(async |database: Database| {
        let store = database.open().await;
        claim(&store, "p/1", 0, "x").await;
        claim(&store, "p/1", 1, "y").await;
        let mut conn = PgConnection::connect(&database.url).await.unwrap();
        let sql = "SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata \
                   FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence";
        let rows = sqlx::query(sql).bind("reservation").bind("p/1").fetch_all(&mut conn).await.unwrap();
        assert_eq!(rows.len(), 2);
        let row = &rows[1];
        let number: i64 = row.get("sequence");
        assert_eq!((row.get("aggregate_id"), number, row.get("event_version")), ("p/1", 2, "1"));
        let kinds: Vec<_> = row.columns().iter().map(|column| column.type_info().name()).collect();
        assert_eq!(kinds, ["TEXT", "TEXT", "INT8", "TEXT", "TEXT", "JSON", "JSON"]);
        let json = |name| row.try_get_raw(name).unwrap().as_str().unwrap().to_owned();
        let payload: serde_json::Value = serde_json::from_str(&json("payload")).unwrap();
        assert_eq!(payload, serde_json::json!({ "ReservationClaimed": { "holder": "y" } }));
        let metadata: HashMap<String, String> = serde_json::from_str(&json("metadata")).unwrap();
        assert_eq!(metadata["actor"], "system:test");
    })
    .await;
}

const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lost_connections_lose_nothing() {
    on_postgres(async |database: Database| {
        let store = database.open().await;
        let writers = (0..16).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut stored, mut sequence) = (0_u64, 0);
                for _ in 0..100 {
                    match store
                        .append(to(&format!("w/{writer}"), sequence, vec![claimed("x")]))
                        .await
                    {
                        Ok(_) => {
                            stored += 1;
                            sequence += 1;
                        }
                        Err(LogError::Unavailable { unknown: false, .. }) => {}
                        // It may be stored: whoever is in doubt looks.
                        Err(LogError::Unavailable { unknown: true, .. } | LogError::Conflict(_)) => {
                            sequence = place(&store, &format!("w/{writer}"))
                                .await
                                .map_or(0, |doc| doc.holders.len() as u64);
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
                (writer, stored)
            })
        });
        let terminator = async {
            for _ in 0..10 {
                let seen = *store.watch().borrow();
                database.tamper(TERMINATE).await;
                let moved = async {
                    store
                        .watch()
                        .wait_for(|position| *position > seen)
                        .await
                        .map(drop)
                };
                drop(tokio::time::timeout(Duration::from_secs(3), moved).await);
            }
        };
        let (written, ()) = tokio::join!(join_all(writers), terminator);
        let head = store.head().await.unwrap();
        let events = all_events(&store).await;
        assert!(
            events.iter().map(|event| event.position).eq(1..=head.position),
            "gap-free"
        );
        let mut acknowledged = 0;
        for writer in written {
            let (writer, stored) = writer.unwrap();
            acknowledged += stored;
            let there = place(&store, &format!("w/{writer}")).await.unwrap().holders.len() as u64;
            assert!(there >= stored, "{stored} acknowledged, {there} there");
        }
        assert!(
            acknowledged > 800,
            "{acknowledged} of 1600 were stored in spite of it all"
        );
        let inline = store.digest("places").await.unwrap();
        store.rebuild(&[]).await.unwrap();
        assert_eq!(store.digest("places").await.unwrap(), inline);
        // And it goes on.
        claim(&store, "after", 0, "x").await;
        assert_eq!(store.count("places", &everything()).await.unwrap(), 17);
    })
    .await;
}
