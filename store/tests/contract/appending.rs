//! What an append promises.

use std::{collections::BTreeSet, future::Future, task::Poll};

use futures::future::join_all;
use reef_commands::ports::{Append, EventLog, LogError, Views};
use reef_store::merkle;

use super::{
    fixture::{Database, on_both},
    given::{
        all_events, claim, claimed, conflict, everything, key, of_account, once, place, released, stream, to,
    },
};

on_both! {
    positions_are_gap_free_under_concurrent_writers,
    a_stale_append_fails_alone,
    a_stream_has_no_holes,
    guards_are_checked,
    an_append_over_streams_is_stored_whole_or_not_at_all,
    a_used_idempotency_key_fails_alone,
    answers_are_forgotten_by_subject_and_by_age,
    a_dropped_future_does_not_undo_the_append,
    documents_are_visible_at_the_acknowledgement,
    a_document_can_vanish_and_come_back,
    children_are_purged_with_their_parent,
    an_event_that_a_view_cannot_take_fails_alone,
    an_unstorable_id_fails_alone,
    any_text_survives,
}

async fn positions_are_gap_free_under_concurrent_writers(database: Database) {
    let store = database.open().await;
    let writers = (0..64).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for round in 0..10 {
                let append = to(
                    &format!("w/{writer}"),
                    round * 2,
                    vec![claimed("a"), released("a")],
                );
                let appended = store.append(append).await.unwrap();
                positions.extend(appended.envelopes.iter().map(|event| event.position));
            }
            positions
        })
    });
    let mut positions = BTreeSet::new();
    for writer in join_all(writers).await {
        positions.extend(writer.unwrap());
    }
    assert_eq!(positions, (1..=1280).collect());
    let events = all_events(&store).await;
    assert!(events.iter().map(|event| event.position).eq(1..=1280));
    assert!(events.is_sorted_by_key(|event| event.recorded_at));
    assert_eq!(*store.watch().borrow(), 1280);
    let head = store.head().await.unwrap();
    assert_eq!(head.position, 1280);
    assert_eq!(head.root, merkle::root(&store.leaves(1, 1280).await.unwrap()));
    let own = store.stream(&key("w/5"), 3, 5).await.unwrap();
    assert!(own.iter().map(|event| event.sequence).eq(4..=8));
}

async fn a_stale_append_fails_alone(database: Database) {
    let store = database.open().await;
    claim(&store, "p/taken", 0, "first").await;
    let ids: Vec<String> = (0..20).map(|number| format!("p/{number}")).collect();
    let appends = ids.iter().map(|id| store.append(to(id, 0, vec![claimed("x")])));
    let stale = store.append(to("p/taken", 0, vec![claimed("second")]));
    let (others, stale) = tokio::join!(join_all(appends), stale);
    assert_eq!(conflict(stale), "reservation/p/taken");
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(store.head().await.unwrap().position, 21);
    assert_eq!(place(&store, "p/taken").await.unwrap().holders, ["first"]);
}

async fn a_stream_has_no_holes(database: Database) {
    let store = database.open().await;
    assert_eq!(
        conflict(store.append(to("p/1", 5, vec![claimed("x")])).await),
        "reservation/p/1"
    );
    claim(&store, "p/1", 0, "x").await;
    assert_eq!(
        conflict(store.append(to("p/1", 2, vec![claimed("y")])).await),
        "reservation/p/1"
    );
    assert_eq!(store.head().await.unwrap().position, 1);
}

async fn guards_are_checked(database: Database) {
    let store = database.open().await;
    claim(&store, "p/looked-at", 0, "x").await;
    let guarded = |expected| Append {
        streams: vec![
            stream("p/new", 0, vec![claimed("y")]),
            stream("p/looked-at", expected, vec![]),
        ],
        idempotency: None,
    };
    assert_eq!(
        conflict(store.append(guarded(0)).await),
        "reservation/p/looked-at"
    );
    assert_eq!(place(&store, "p/new").await, None);
    assert_eq!(store.append(guarded(1)).await.unwrap().position, 2);
    let only_guards = Append {
        streams: vec![stream("p/new", 1, vec![])],
        idempotency: None,
    };
    assert_eq!(store.append(only_guards).await.unwrap().position, 2);
}

async fn an_append_over_streams_is_stored_whole_or_not_at_all(database: Database) {
    let store = database.open().await;
    claim(&store, "p/b", 0, "x").await;
    let both = |expected| Append {
        streams: vec![
            stream("p/a", 0, vec![claimed("y")]),
            stream("p/b", expected, vec![claimed("y")]),
        ],
        idempotency: None,
    };
    assert_eq!(conflict(store.append(both(0)).await), "reservation/p/b");
    assert_eq!(store.head().await.unwrap().position, 1);
    assert_eq!(place(&store, "p/a").await, None);
    let appended = store.append(both(1)).await.unwrap();
    assert!(appended.envelopes.iter().map(|event| event.position).eq(2..=3));
    assert_eq!(place(&store, "p/b").await.unwrap().holders, ["x", "y"]);
}

async fn a_used_idempotency_key_fails_alone(database: Database) {
    let store = database.open().await;
    let first = store
        .append(once(to("p/1", 0, vec![claimed("x")]), "k", ""))
        .await
        .unwrap();
    let again = store.append(once(to("p/2", 0, vec![claimed("x")]), "k", ""));
    let other = store.append(once(to("p/3", 0, vec![claimed("x")]), "other", ""));
    let (again, other) = tokio::join!(again, other);
    assert_eq!(again.unwrap_err(), LogError::AlreadyDone);
    assert_eq!(other.unwrap().position, 2);
    let known = store.idempotent("account/principal", "k").await.unwrap().unwrap();
    assert_eq!(
        (known.fingerprint, &known.answer[..], known.position),
        ([3; 32], &b"the answer"[..], first.position)
    );
    assert_eq!(
        store.idempotent("account/principal", "unknown").await.unwrap(),
        None
    );
    // A command that changed nothing is remembered, too.
    let nothing = Append {
        streams: vec![],
        ..once(to("p/1", 1, vec![]), "nothing", "")
    };
    assert_eq!(store.append(nothing.clone()).await.unwrap().position, 2);
    assert_eq!(store.append(nothing).await.unwrap_err(), LogError::AlreadyDone);
}

async fn answers_are_forgotten_by_subject_and_by_age(database: Database) {
    let store = database.open().await;
    store
        .append(once(to("p/1", 0, vec![claimed("x")]), "a", "agent/1"))
        .await
        .unwrap();
    store
        .append(once(to("p/2", 0, vec![claimed("x")]), "b", "agent/2"))
        .await
        .unwrap();
    store
        .append(once(to("p/3", 0, vec![claimed("x")]), "c", ""))
        .await
        .unwrap();
    assert_eq!(store.forget_idempotent(Some("agent/1"), None).await.unwrap(), 1);
    assert_eq!(store.forget_idempotent(Some(""), None).await.unwrap(), 0);
    assert_eq!(store.idempotent("account/principal", "a").await.unwrap(), None);
    let hour = chrono::TimeDelta::hours(1);
    assert_eq!(
        store
            .forget_idempotent(None, Some(chrono::Utc::now() - hour))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .forget_idempotent(None, Some(chrono::Utc::now() + hour))
            .await
            .unwrap(),
        2
    );
    // The key is free again.
    store
        .append(once(to("p/4", 0, vec![claimed("x")]), "a", ""))
        .await
        .unwrap();
}

async fn a_dropped_future_does_not_undo_the_append(database: Database) {
    let store = database.open().await;
    let mut watch = store.watch();
    {
        let mut append = std::pin::pin!(store.append(to("p/1", 0, vec![claimed("x")])));
        std::future::poll_fn(|context| {
            assert!(append.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    watch.wait_for(|position| *position == 1).await.unwrap();
    assert_eq!(place(&store, "p/1").await.unwrap().holders, ["x"]);
}

async fn documents_are_visible_at_the_acknowledgement(database: Database) {
    let store = database.open().await;
    for round in 0..50 {
        let position = claim(&store, "p/1", round, &format!("h{round}")).await;
        let doc = store.get("places", "p/1").await.unwrap().unwrap();
        assert_eq!((doc.created_position, doc.position), (1, position));
        let read: super::sample::Place = serde_json::from_str(&doc.payload).unwrap();
        assert_eq!(read.holders.len() as u64, round + 1);
        let listed = store.list("places", &everything()).await.unwrap();
        assert_eq!(listed.data[0], doc);
        assert!(listed.position >= position);
    }
}

async fn a_document_can_vanish_and_come_back(database: Database) {
    let store = database.open().await;
    store
        .append(to("p/1", 0, vec![claimed("x"), released("vanish")]))
        .await
        .unwrap();
    assert_eq!(place(&store, "p/1").await, None);
    store.append(to("p/1", 2, vec![claimed("y")])).await.unwrap();
    store
        .append(to("p/1", 3, vec![released("vanish")]))
        .await
        .unwrap();
    assert_eq!(place(&store, "p/1").await, None);
    store.append(to("p/1", 4, vec![claimed("z")])).await.unwrap();
    let doc = store.get("places", "p/1").await.unwrap().unwrap();
    assert_eq!((doc.created_position, doc.position), (5, 5));
    assert_eq!(store.count("places", &everything()).await.unwrap(), 1);
}

async fn children_are_purged_with_their_parent(database: Database) {
    let store = database.open().await;
    store
        .append(to("p/1", 0, vec![claimed("a"), claimed("b")]))
        .await
        .unwrap();
    store.append(to("p/2", 0, vec![claimed("a")])).await.unwrap();
    assert_eq!(store.count("seats", &everything()).await.unwrap(), 3);
    // In one append: another child, all of them removed, and a new one after that.
    let events = vec![claimed("c"), released("*"), claimed("d")];
    store.append(to("p/1", 2, events)).await.unwrap();
    let mut ids: Vec<_> = store
        .list("seats", &everything())
        .await
        .unwrap()
        .data
        .into_iter()
        .map(|doc| doc.id)
        .collect();
    ids.sort();
    assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), ["p/1#d", "p/2#a"]);
    assert_eq!(store.get("seats", "p/1#a").await.unwrap(), None);
    let digest = store.digest("seats").await.unwrap();
    store.rebuild(&["seats".to_owned()]).await.unwrap();
    assert_eq!(store.digest("seats").await.unwrap(), digest);
}

async fn an_event_that_a_view_cannot_take_fails_alone(database: Database) {
    let store = database.open().await;
    let bad = store.append(to("p/bad", 0, vec![claimed("panic")]));
    let good = (0..5).map(|number| format!("p/{number}")).collect::<Vec<_>>();
    let good = join_all(good.iter().map(|id| store.append(to(id, 0, vec![claimed("x")]))));
    let (bad, good) = tokio::join!(bad, good);
    assert!(matches!(bad, Err(LogError::Corrupt(_))), "{bad:?}");
    assert!(good.iter().all(Result::is_ok));
    assert_eq!(store.head().await.unwrap().position, 5);
    claim(&store, "p/bad", 0, "x").await;
}

async fn an_unstorable_id_fails_alone(database: Database) {
    let store = database.open().await;
    let bad = store.append(to("p/\0", 0, vec![claimed("x")]));
    // The id of a document of the view "seats" is made of the holder.
    let odd = store.append(to("p/odd", 0, vec![claimed("nul\0")]));
    let good = store.append(to("p/1", 0, vec![claimed("x")]));
    let (bad, odd, good) = tokio::join!(bad, odd, good);
    assert!(matches!(bad, Err(LogError::Corrupt(_))), "{bad:?}");
    assert_eq!(odd.is_err(), database.is_postgres(), "{odd:?}");
    assert!(good.is_ok(), "{good:?}");
    assert_eq!(store.get("places", "\0").await.unwrap(), None);
}

async fn any_text_survives(database: Database) {
    let store = database.open().await;
    let text = "\u{1F980} \u{202E}\u{0} \\u0000 \"quoted\" \u{FFFD}\n\t'; DROP TABLE events; --";
    let append = of_account(to("p/1", 0, vec![released(text)]), "acc_1");
    let appended = store.append(append).await.unwrap();
    let stored = store.stream(&key("p/1"), 0, 10).await.unwrap();
    assert_eq!(stored, appended.envelopes);
    claim(&store, "p/1", 1, "x").await;
    assert_eq!(place(&store, "p/1").await.unwrap().holders, ["x"]);
}
