//! Where deliveries of webhooks are.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reef_commands::ports::{
    Attempt, AttemptQuery, Checkpoints, Deliveries, DeliveryId, DeliveryRetry, DeliveryTrack, KeptDeliveries,
    LaneHealth, Lease, LogError, SavedDeliveries, WEBHOOK_DISPATCHER,
};
use reef_domain::WebhookId;
use reef_store::Store;

use super::{
    fixture::{Database, on_both},
    given::claim,
};

on_both! {
    what_is_saved_is_found_again,
    a_lost_lease_saves_nothing,
    what_is_over_goes,
    tries_are_listed_newest_first_and_bounded,
    old_tries_are_forgotten,
    an_owner_sees_where_it_is,
}

const TTL: Duration = Duration::from_secs(30);

fn webhook(name: &str) -> WebhookId {
    WebhookId::from(name.to_owned())
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 123_000).unwrap()
}

fn track(name: &str, started: u64, cursor: u64) -> DeliveryTrack {
    DeliveryTrack {
        webhook_id: webhook(name),
        started,
        cursor,
        until: None,
        behind: false,
    }
}

fn health(name: &str) -> LaneHealth {
    LaneHealth {
        webhook_id: webhook(name),
        attempts: 9,
        failures_in_row: 3,
        failing_since: Some(at(5)),
        in_trouble: true,
    }
}

fn retry(name: &str, position: u64) -> DeliveryRetry {
    DeliveryRetry {
        webhook_id: webhook(name),
        position,
        tries: 2,
        due_at: at(60),
        always: false,
        outcome: "500 \u{1F980} \"quoted\"".to_owned(),
    }
}

fn attempt(name: &str, number: u64) -> Attempt {
    Attempt {
        webhook_id: webhook(name),
        number,
        position: 100 + number / 2,
        event_type: "TaskSubmitted".to_owned(),
        attempt: 1,
        at: at(i64::try_from(number).unwrap()),
        took_ms: 12,
        status: (number.is_multiple_of(2)).then_some(204),
        failure: (!number.is_multiple_of(2)).then(|| "no answer within the time limit".to_owned()),
        answer: (number.is_multiple_of(2)).then(|| "ja\u{e9}".to_owned()),
    }
}

async fn lease(store: &Store) -> Lease {
    store
        .acquire(WEBHOOK_DISPATCHER, "node-1", TTL)
        .await
        .unwrap()
        .unwrap()
}

fn some() -> SavedDeliveries {
    SavedDeliveries {
        checkpoint: 40,
        changes: 41,
        tracks: vec![
            track("wh_a", 3, 40),
            DeliveryTrack {
                until: Some(30),
                behind: true,
                ..track("wh_a", 38, 12)
            },
            track("wh_b", 7, 41),
        ],
        health: vec![
            health("wh_a"),
            LaneHealth {
                failing_since: None,
                in_trouble: false,
                ..health("wh_b")
            },
        ],
        retries: vec![
            retry("wh_a", 17),
            DeliveryRetry {
                always: true,
                tries: 0,
                outcome: String::new(),
                ..retry("wh_b", 18)
            },
        ],
        ..SavedDeliveries::default()
    }
}

fn sorted(mut kept: KeptDeliveries) -> KeptDeliveries {
    kept.tracks
        .sort_by_key(|track| (track.webhook_id.to_string(), track.started));
    kept.health.sort_by_key(|health| health.webhook_id.to_string());
    kept.retries
        .sort_by_key(|retry| (retry.webhook_id.to_string(), retry.position));
    kept
}

async fn what_is_saved_is_found_again(database: Database) {
    let store = database.open().await;
    assert_eq!(store.load().await.unwrap(), KeptDeliveries::default());
    let lease = lease(&store).await;
    let saved = some();
    store.save(&lease, &saved).await.unwrap();
    let expected = KeptDeliveries {
        checkpoint: saved.checkpoint,
        changes: saved.changes,
        tracks: saved.tracks,
        health: saved.health,
        retries: saved.retries,
    };
    assert_eq!(sorted(store.load().await.unwrap()), expected);
    // Again with other values: rows are replaced.
    let moved = SavedDeliveries {
        checkpoint: 50,
        changes: 51,
        tracks: vec![track("wh_b", 7, 50)],
        retries: vec![DeliveryRetry {
            tries: 3,
            ..retry("wh_a", 17)
        }],
        ..SavedDeliveries::default()
    };
    store.save(&lease, &moved).await.unwrap();
    let kept = sorted(store.load().await.unwrap());
    assert_eq!((kept.checkpoint, kept.changes), (50, 51));
    assert_eq!(kept.tracks[2], track("wh_b", 7, 50));
    assert_eq!(kept.retries[0].tries, 3);
    drop(store);
    let store = database.open().await;
    assert_eq!(sorted(store.load().await.unwrap()), kept, "after a restart");
}

async fn a_lost_lease_saves_nothing(database: Database) {
    let store = database.open().await;
    let lost = store
        .acquire(WEBHOOK_DISPATCHER, "node-1", Duration::ZERO)
        .await
        .unwrap()
        .unwrap();
    let held = store
        .acquire(WEBHOOK_DISPATCHER, "node-2", TTL)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(store.save(&lost, &some()).await, Err(LogError::Fenced));
    assert_eq!(store.load().await.unwrap(), KeptDeliveries::default());
    store.save(&held, &some()).await.unwrap();
    let gone = SavedDeliveries {
        gone: vec![webhook("wh_a")],
        ended: vec![(webhook("wh_b"), 7)],
        settled: vec![(webhook("wh_b"), 18)],
        ..SavedDeliveries::default()
    };
    assert_eq!(store.save(&lost, &gone).await, Err(LogError::Fenced));
    let kept = store.load().await.unwrap();
    assert_eq!(
        (kept.tracks.len(), kept.retries.len(), kept.checkpoint),
        (3, 2, 40)
    );
    store.release(&held).await.unwrap();
    assert_eq!(store.save(&held, &gone).await, Err(LogError::Fenced));
}

async fn what_is_over_goes(database: Database) {
    let store = database.open().await;
    let lease = lease(&store).await;
    store.save(&lease, &some()).await.unwrap();
    store
        .note_attempts(&[attempt("wh_a", 1), attempt("wh_b", 1)], 10)
        .await
        .unwrap();
    let over = SavedDeliveries {
        ended: vec![(webhook("wh_a"), 38), (webhook("wh_a"), 999)],
        settled: vec![(webhook("wh_a"), 17)],
        ..SavedDeliveries::default()
    };
    store.save(&lease, &over).await.unwrap();
    let kept = sorted(store.load().await.unwrap());
    assert_eq!(kept.tracks, [track("wh_a", 3, 40), track("wh_b", 7, 41)]);
    assert_eq!(kept.retries.len(), 1);
    let gone = SavedDeliveries {
        gone: vec![webhook("wh_b"), webhook("wh_unknown")],
        ..SavedDeliveries::default()
    };
    store.save(&lease, &gone).await.unwrap();
    let kept = store.load().await.unwrap();
    assert_eq!(kept.tracks, [track("wh_a", 3, 40)]);
    assert_eq!((kept.health.len(), kept.retries.len()), (1, 0));
    let query = AttemptQuery {
        limit: 10,
        ..AttemptQuery::default()
    };
    assert_eq!(store.attempts(&webhook("wh_b"), &query).await.unwrap(), []);
    assert_eq!(store.attempts(&webhook("wh_a"), &query).await.unwrap().len(), 1);
}

async fn tries_are_listed_newest_first_and_bounded(database: Database) {
    let store = database.open().await;
    let many: Vec<Attempt> = (1..=600).map(|number| attempt("wh_a", number)).collect();
    store.note_attempts(&many, 500).await.unwrap();
    store.note_attempts(&[attempt("wh_b", 1)], 500).await.unwrap();
    // A number that is known already changes nothing.
    let again = Attempt {
        took_ms: 99,
        ..attempt("wh_a", 600)
    };
    store.note_attempts(&[again], 500).await.unwrap();
    let page = |before, limit| AttemptQuery {
        before,
        limit,
        position: None,
    };
    let newest = store.attempts(&webhook("wh_a"), &page(None, 2)).await.unwrap();
    assert_eq!(newest, [attempt("wh_a", 600), attempt("wh_a", 599)]);
    let next = store
        .attempts(&webhook("wh_a"), &page(Some(599), 1))
        .await
        .unwrap();
    assert_eq!(next, [attempt("wh_a", 598)]);
    let all = store.attempts(&webhook("wh_a"), &page(None, 5000)).await.unwrap();
    assert_eq!((all.len(), all.last().unwrap().number), (500, 101));
    let of_one = AttemptQuery {
        position: Some(300),
        limit: 10,
        before: None,
    };
    let of_one = store.attempts(&webhook("wh_a"), &of_one).await.unwrap();
    assert_eq!(of_one, [attempt("wh_a", 401), attempt("wh_a", 400)]);
    let odd = Attempt {
        failure: Some("a\0b".to_owned()),
        answer: Some("\0".to_owned()),
        ..attempt("wh_c", 1)
    };
    store.note_attempts(&[odd], 500).await.unwrap();
    let read = store.attempts(&webhook("wh_c"), &page(None, 1)).await.unwrap();
    assert_eq!(read[0].failure.as_deref(), Some("a\u{fffd}b"));
}

async fn old_tries_are_forgotten(database: Database) {
    let store = database.open().await;
    let many: Vec<Attempt> = (1..=20).map(|number| attempt("wh_a", number)).collect();
    store.note_attempts(&many, 500).await.unwrap();
    store.note_attempts(&[attempt("wh_b", 15)], 500).await.unwrap();
    assert_eq!(store.forget_attempts(at(11)).await.unwrap(), 10);
    assert_eq!(store.forget_attempts(at(11)).await.unwrap(), 0);
    let query = AttemptQuery {
        limit: 100,
        ..AttemptQuery::default()
    };
    let left = store.attempts(&webhook("wh_a"), &query).await.unwrap();
    assert_eq!((left.len(), left.last().unwrap().number), (10, 11));
    assert_eq!(store.attempts(&webhook("wh_b"), &query).await.unwrap().len(), 1);
}

async fn an_owner_sees_where_it_is(database: Database) {
    let store = database.open().await;
    let mut head = 0;
    for number in 0..60 {
        head = claim(&store, "p/1", number, "x").await;
    }
    let nothing = store.standing(&webhook("wh_a")).await.unwrap();
    assert_eq!((nothing.cursor, nothing.lag, nothing.waiting), (None, 0, 0));
    let lease = lease(&store).await;
    let first = at(60) - TimeDelta::seconds(50);
    let mut saved = some();
    saved.retries.push(DeliveryRetry {
        due_at: first,
        ..retry("wh_a", 19)
    });
    store.save(&lease, &saved).await.unwrap();
    let a = store.standing(&webhook("wh_a")).await.unwrap();
    assert_eq!((a.cursor, a.lag), (Some(40), head - 40));
    assert_eq!((a.replays, a.waiting, a.next_retry_at), (1, 2, Some(first)));
    assert!(a.in_trouble);
    assert_eq!((a.failures_in_row, a.failing_since), (3, Some(at(5))));
    let id = DeliveryId {
        webhook_id: webhook("wh_a"),
        position: 17,
    };
    assert_eq!(store.retry(&id).await.unwrap(), Some(retry("wh_a", 17)));
    let other = DeliveryId { position: 16, ..id };
    assert_eq!(store.retry(&other).await.unwrap(), None);
    // One that is not behind is where the checkpoint is, without having been written.
    let idle = SavedDeliveries {
        checkpoint: 55,
        changes: 55,
        ..SavedDeliveries::default()
    };
    store.save(&lease, &idle).await.unwrap();
    assert_eq!(store.standing(&webhook("wh_b")).await.unwrap().cursor, Some(55));
    // Disabled, it is where it was then.
    let closed = SavedDeliveries {
        checkpoint: 58,
        changes: 58,
        tracks: vec![DeliveryTrack {
            until: Some(57),
            behind: true,
            ..track("wh_b", 7, 56)
        }],
        ..SavedDeliveries::default()
    };
    store.save(&lease, &closed).await.unwrap();
    let b = store.standing(&webhook("wh_b")).await.unwrap();
    assert_eq!((b.cursor, b.lag, b.replays), (Some(56), 0, 0));
}
