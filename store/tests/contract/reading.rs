//! What reads promise.

use chrono::DateTime;
use reef_commands::ports::{Doc, EventLog, EventQuery, Views};
use reef_domain::AccountId;
use reef_projections::{Filter, Query};
use reef_store::Store;

use super::{
    fixture::{Database, HandClock, on_both},
    given::{all_events, claim, claimed, everything, key, of_account, place, released, to},
    sample,
};

on_both! {
    pages_hold_every_document_once_newest_first,
    filters_are_applied,
    the_newest_are_as_of_their_count,
    an_account_sees_its_own_and_the_catalogue,
    several_documents_are_read_at_once,
    the_ring_and_the_database_tell_the_same,
    a_position_is_found_by_time,
    a_rebuild_gives_the_same_documents,
    a_new_version_is_built_while_the_old_one_serves,
    every_view_of_the_program_has_its_table,
}

fn ids(docs: &[Doc]) -> Vec<&str> {
    docs.iter().map(|doc| &*doc.id).collect()
}

async fn pages_hold_every_document_once_newest_first(database: Database) {
    let store = database.open().await;
    for number in 0..25 {
        claim(&store, &format!("p/{number:02}"), 0, "x").await;
    }
    let mut query = Query {
        limit: 10,
        ..Query::default()
    };
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = store.list("places", &query).await.unwrap();
        seen.extend(page.data.iter().map(|doc| doc.id.to_string()));
        pages += 1;
        // What is created meanwhile belongs to no later page.
        claim(&store, &format!("p/late{pages}"), 0, "x").await;
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|number| format!("p/{number:02}")).collect();
    assert_eq!((seen, pages), (expected, 3));
    assert_eq!(store.count("places", &query).await.unwrap(), 28);
    let exact = Query {
        limit: 28,
        ..Query::default()
    };
    assert_eq!(store.list("places", &exact).await.unwrap().next, None);
    assert_eq!(store.list("places", &Query::default()).await.unwrap().data, []);
    // The newest and their number, wherever a page before ended.
    let few = Query { limit: 3, ..query };
    let (newest, total) = store.newest("places", &few).await.unwrap();
    assert_eq!((ids(&newest), total), (vec!["p/late3", "p/late2", "p/late1"], 28));
    assert_eq!(
        store.newest("places", &Query::default()).await.unwrap(),
        (vec![], 28)
    );
}

/// Whoever waits for the count finds the document that makes it.
async fn the_newest_are_as_of_their_count(database: Database) {
    let store = database.open().await;
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for number in 0..200 {
            claim(&writer, &format!("p/{number:03}"), 0, "x").await;
        }
    });
    let query = Query {
        limit: 1,
        ..Query::default()
    };
    let mut counted = 0;
    while counted < 200 {
        let (newest, total) = store.newest("places", &query).await.unwrap();
        let last = total.checked_sub(1).map(|last| format!("p/{last:03}"));
        assert_eq!(newest.first().map(|doc| doc.id.to_string()), last);
        counted = total;
    }
    writing.await.unwrap();
}

async fn filtered(store: &Store, view: &str, filters: Vec<Filter>) -> Vec<String> {
    let query = Query {
        filters,
        ..everything()
    };
    let docs = store.list(view, &query).await.unwrap().data;
    assert_eq!(store.count(view, &query).await.unwrap(), docs.len() as u64);
    let newest = store.newest(view, &query).await.unwrap();
    assert_eq!(newest, (docs.clone(), docs.len() as u64));
    docs.iter().map(|doc| doc.id.to_string()).collect()
}

async fn filters_are_applied(database: Database) {
    let store = database.open().await;
    claim(&store, "a/1", 0, "x").await;
    store
        .append(to("b/1", 0, vec![claimed("x"), claimed("\u{0}y' OR 1=1")]))
        .await
        .ok();
    store.append(to("b/2", 0, vec![released("\u{0}")])).await.unwrap();
    let field = |name: &str, value: &str| vec![Filter::Field(name.to_owned(), value.to_owned())];
    assert_eq!(filtered(&store, "places", field("kind", "a")).await, ["a/1"]);
    assert_eq!(filtered(&store, "places", field("odd", "true")).await, ["a/1"]);
    assert!(
        filtered(&store, "places", field("odd", "false"))
            .await
            .contains(&"b/2".to_owned())
    );
    assert_eq!(
        filtered(&store, "places", field("holders", "x")).await,
        [""; 0],
        "no filter of the view"
    );
    assert_eq!(filtered(&store, "places", field("kind'", "a")).await, [""; 0]);
    assert_eq!(
        filtered(&store, "places", field("kind", "a' OR '1'='1")).await,
        [""; 0]
    );
    assert_eq!(filtered(&store, "places", field("kind", "\0")).await, [""; 0]);
    assert_eq!(
        filtered(&store, "places", field("status", "1 held")).await,
        ["a/1"]
    );
    assert_eq!(
        filtered(&store, "places", vec![Filter::Status("1 held".to_owned())]).await,
        ["a/1"]
    );
    assert_eq!(
        filtered(&store, "places", vec![Filter::StatusUpTo("0 held".to_owned())]).await,
        ["b/2"]
    );
    assert_eq!(
        filtered(&store, "seats", vec![Filter::Parent("a/1".to_owned())]).await,
        ["a/1#x"]
    );
    assert_eq!(
        filtered(&store, "seats", field("place_id", "a/1")).await,
        ["a/1#x"]
    );
    let both = vec![
        Filter::Status("1 held".to_owned()),
        Filter::Field("kind".to_owned(), "b".to_owned()),
    ];
    assert_eq!(filtered(&store, "places", both).await, [""; 0]);
}

async fn an_account_sees_its_own_and_the_catalogue(database: Database) {
    let store = database.open().await;
    store
        .append(of_account(to("p/own", 0, vec![claimed("x")]), "acc_1"))
        .await
        .unwrap();
    store
        .append(of_account(to("p/foreign", 0, vec![claimed("x")]), "acc_2"))
        .await
        .unwrap();
    claim(&store, "p/catalogue", 0, "x").await;
    let query = Query {
        account_id: Some(AccountId::from("acc_1")),
        ..everything()
    };
    let page = store.list("places", &query).await.unwrap();
    assert_eq!(ids(&page.data), ["p/catalogue", "p/own"]);
    assert_eq!(store.count("places", &query).await.unwrap(), 2);
    assert_eq!(page.data[1].account_id, Some(AccountId::from("acc_1")));
    let events = EventQuery {
        account_id: Some(AccountId::from("acc_1")),
        limit: 10,
        ..EventQuery::default()
    };
    let events = store.read(&events).await.unwrap();
    assert!(events.iter().map(|event| &*event.aggregate_id).eq(["p/own"]));
}

async fn several_documents_are_read_at_once(database: Database) {
    let store = database.open().await;
    claim(&store, "p/1", 0, "x").await;
    claim(&store, "p/2", 0, "x").await;
    let wanted = ["p/2", "unknown", "p/1", "nul\0"].map(ToOwned::to_owned);
    assert_eq!(
        ids(&store.get_many("places", &wanted).await.unwrap()),
        ["p/2", "p/1"]
    );
    assert!(store.get("no such view", "p/1").await.is_err());
}

async fn the_ring_and_the_database_tell_the_same(database: Database) {
    let store = database.open().await;
    for number in 0..30_u64 {
        let append = to(&format!("p/{}", number % 3), number / 3, vec![claimed("x")]);
        store
            .append(of_account(append, &format!("acc_{}", number % 2)))
            .await
            .unwrap();
    }
    let cold = database.open_read_only().await.unwrap();
    let queries = [
        EventQuery {
            limit: 100,
            ..EventQuery::default()
        },
        EventQuery {
            after: 7,
            limit: 5,
            ..EventQuery::default()
        },
        EventQuery {
            after: 7,
            until: Some(9),
            limit: 100,
            ..EventQuery::default()
        },
        EventQuery {
            account_id: Some(AccountId::from("acc_1")),
            limit: 100,
            ..EventQuery::default()
        },
        EventQuery {
            aggregate_id: Some("p/2".to_owned()),
            limit: 100,
            ..EventQuery::default()
        },
        EventQuery {
            types: vec!["ReservationReleased".to_owned()],
            limit: 100,
            ..EventQuery::default()
        },
        EventQuery {
            types: vec!["ReservationReleased".to_owned(), "ReservationClaimed".to_owned()],
            aggregate_type: Some("reservation".to_owned()),
            after: 28,
            limit: 100,
            ..EventQuery::default()
        },
        EventQuery {
            after: 30,
            limit: 100,
            ..EventQuery::default()
        },
    ];
    for query in queries {
        let (warm, cold) = (
            store.read(&query).await.unwrap(),
            cold.read(&query).await.unwrap(),
        );
        assert_eq!(warm, cold, "{query:?}");
    }
}

async fn a_position_is_found_by_time(database: Database) {
    let clock = HandClock::at(1_000_000);
    let store = database.open_at(clock.clone()).await;
    for (number, at) in (0..).zip([10_i64, 20, 20, 15, 40]) {
        clock.set(at * 1_000_000);
        claim(&store, "p/1", number, "x").await;
    }
    let at = |seconds: i64| DateTime::from_timestamp_micros(seconds * 1_000_000).unwrap();
    let recorded: Vec<_> = all_events(&store)
        .await
        .iter()
        .map(|event| event.recorded_at)
        .collect();
    assert_eq!(recorded, [10, 20, 20, 20, 40].map(at), "never decreases");
    for (seconds, position) in [(9, 0), (10, 1), (19, 1), (20, 4), (39, 4), (40, 5), (1000, 5)] {
        assert_eq!(
            store.position_at(at(seconds)).await.unwrap(),
            position,
            "{seconds}"
        );
    }
}

async fn a_rebuild_gives_the_same_documents(database: Database) {
    let store = database.open().await;
    for number in 0..40_u64 {
        let events = match number % 5 {
            0 | 1 => vec![claimed("a"), claimed("b")],
            2 => vec![released("a"), released("*")],
            3 => vec![released("vanish"), claimed("c")],
            _ => vec![claimed("d"), released("d")],
        };
        let id = format!("p/{}", number % 4);
        let sequence = store.stream(&key(&id), 0, 1000).await.unwrap().len() as u64;
        store.append(to(&id, sequence, events)).await.unwrap();
    }
    let digests = |store: Store| async move {
        (
            store.digest("places").await.unwrap(),
            store.digest("seats").await.unwrap(),
        )
    };
    let inline = digests(store.clone()).await;
    assert_ne!(inline.0, inline.1);
    assert_eq!(store.rebuild(&[]).await.unwrap(), 80);
    assert_eq!(digests(store.clone()).await, inline);
    // Inline folding goes on in the new tables, and so does the next build.
    store.append(to("p/0", 20, vec![claimed("after")])).await.unwrap();
    assert!(
        place(&store, "p/0")
            .await
            .unwrap()
            .holders
            .contains(&"after".to_owned())
    );
    let inline = digests(store.clone()).await;
    store.rebuild(&["places".to_owned()]).await.unwrap();
    assert_eq!(digests(store.clone()).await, inline);
    assert!(store.rebuild(&["no such view".to_owned()]).await.is_err());
}

async fn a_new_version_is_built_while_the_old_one_serves(database: Database) {
    let store = database.open().await;
    for number in 0..49 {
        claim(&store, &format!("p/{number}"), 0, "x").await;
    }
    let gate = sample::Gate::new();
    claim(&store, "p/49", 0, &gate.holder()).await;
    drop(store);
    let store = database.open_with(sample::new_views()).await;
    // It is being built: the old version serves, and appends are stored.
    assert_eq!(place(&store, "p/7").await.unwrap().revision, 1);
    let position = claim(&store, "p/7", 1, "y").await;
    assert_eq!(position, 51);
    gate.open();
    let switched = async {
        while place(&store, "p/7").await.unwrap().revision == 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), switched)
        .await
        .unwrap();
    assert_eq!(place(&store, "p/7").await.unwrap().holders, ["x", "y"]);
    claim(&store, "p/7", 2, "z").await;
    let digest = store.digest("places").await.unwrap();
    store.rebuild(&[]).await.unwrap();
    assert_eq!(store.digest("places").await.unwrap(), digest);
    // An older program is refused rather than left to spoil the documents.
    if database.is_postgres() {
        let clock = std::sync::Arc::new(reef_commands::ports::SystemClock);
        let older = database
            .try_open(sample::views(), super::fixture::master(7), clock)
            .await;
        assert!(matches!(older.err(), Some(reef_store::StoreError::Schema(_))));
    }
}

async fn every_view_of_the_program_has_its_table(database: Database) {
    let store = database.open_with(reef_projections::views::all()).await;
    for view in reef_projections::views::all() {
        assert_eq!(store.list(view.name(), &everything()).await.unwrap().data, []);
    }
    claim(&store, "p/1", 0, "x").await;
    store.rebuild(&[]).await.unwrap();
}
