//! Appends in one line.

use std::sync::Arc;

use reef_commands::ports::{
    Append, Appended, EventLog, EventQuery, IdempotencyRecord, LogError, NewEvent, StreamAppend, StreamKey,
    Views,
};
use reef_domain::{AccountId, Actor, ActorKind, AnyEvent, Envelope, Metadata, reservation::ReservationEvent};
use reef_projections::Query;
use reef_store::Store;

use super::sample::{Place, Places};

pub(crate) fn key(id: &str) -> StreamKey {
    StreamKey {
        aggregate_type: "reservation",
        aggregate_id: id.into(),
    }
}

pub(crate) fn claimed(holder: &str) -> ReservationEvent {
    ReservationEvent::Claimed {
        holder: holder.to_owned(),
    }
}

pub(crate) fn released(holder: &str) -> ReservationEvent {
    ReservationEvent::Released {
        holder: holder.to_owned(),
    }
}

fn new_event(event: ReservationEvent) -> NewEvent {
    let event = AnyEvent::from(event);
    let metadata = Metadata {
        event_id: uuid::Uuid::now_v7().to_string(),
        actor: Actor::new(ActorKind::System, "test"),
        dialect: "native".to_owned(),
        correlation_id: "correlation".to_owned(),
        causation_id: None,
    };
    let metadata_json = serde_json::to_string(&metadata).unwrap();
    NewEvent {
        payload: event.to_payload().into(),
        event,
        metadata,
        metadata_json,
    }
}

pub(crate) fn stream(id: &str, expected: u64, events: Vec<ReservationEvent>) -> StreamAppend {
    StreamAppend {
        key: key(id),
        account_id: None,
        expected_sequence: expected,
        events: events.into_iter().map(new_event).collect(),
    }
}

/// An append of these events to one stream.
pub(crate) fn to(id: &str, expected: u64, events: Vec<ReservationEvent>) -> Append {
    Append {
        streams: vec![stream(id, expected, events)],
        idempotency: None,
    }
}

pub(crate) fn of_account(mut append: Append, account: &str) -> Append {
    append.streams[0].account_id = Some(AccountId::from(account));
    append
}

pub(crate) fn once(mut append: Append, idempotency_key: &str, subject: &str) -> Append {
    append.idempotency = Some(IdempotencyRecord {
        scope: "account/principal".to_owned(),
        key: idempotency_key.to_owned(),
        fingerprint: [3; 32],
        answer: b"the answer".to_vec(),
        subject: subject.to_owned(),
    });
    append
}

/// Appends one claim to a stream and gives its position.
pub(crate) async fn claim(store: &Store, id: &str, expected: u64, holder: &str) -> u64 {
    store
        .append(to(id, expected, vec![claimed(holder)]))
        .await
        .unwrap()
        .position
}

pub(crate) async fn place(store: &Store, id: &str) -> Option<Place> {
    let views: &dyn Views = store;
    views.doc::<Places>(id).await.unwrap()
}

pub(crate) async fn all_events(store: &Store) -> Vec<Arc<Envelope>> {
    store
        .read(&EventQuery {
            limit: 1_000_000,
            ..EventQuery::default()
        })
        .await
        .unwrap()
}

pub(crate) fn everything() -> Query {
    Query {
        limit: 1000,
        ..Query::default()
    }
}

pub(crate) fn conflict(result: Result<Appended, LogError>) -> String {
    match result {
        Err(LogError::Conflict(stream)) => stream,
        other => panic!("no conflict: {other:?}"),
    }
}
