use reef_domain::{Actor, ActorKind, AnyEvent, Metadata, reservation::ReservationEvent};

use super::*;

fn event(position: u64, payload: &str) -> Arc<Envelope> {
    Arc::new(Envelope {
        position,
        aggregate_type: "reservation",
        aggregate_id: format!("r{}", position % 2).into(),
        sequence: position,
        account_id: None,
        recorded_at: chrono::DateTime::UNIX_EPOCH,
        metadata: Metadata {
            event_id: position.to_string(),
            actor: Actor::new(ActorKind::System, "test"),
            dialect: "native".to_owned(),
            correlation_id: "c".to_owned(),
            causation_id: None,
        },
        event: AnyEvent::Reservation(ReservationEvent::Claimed {
            holder: "h".to_owned(),
        }),
        payload: payload.into(),
    })
}

fn positions(found: Option<Vec<Arc<Envelope>>>) -> Option<Vec<u64>> {
    found.map(|events| events.iter().map(|event| event.position).collect())
}

fn after(after: u64) -> EventQuery {
    EventQuery {
        after,
        limit: 100,
        ..EventQuery::default()
    }
}

#[test]
fn serves_what_it_holds_and_says_when_it_does_not() {
    let ring = Recent::starting_after(10);
    assert!(ring.push(&[event(11, "{}"), event(12, "{}"), event(13, "{}")]));
    assert_eq!(positions(ring.read(&after(10), 13)), Some(vec![11, 12, 13]));
    assert_eq!(positions(ring.read(&after(12), 13)), Some(vec![13]));
    assert_eq!(positions(ring.read(&after(13), 13)), Some(vec![]));
    assert_eq!(positions(ring.read(&after(9), 13)), None, "older than the ring");
    assert_eq!(
        positions(ring.read(&after(13), 14)),
        None,
        "the log is further than the ring"
    );
}

#[test]
fn takes_nothing_after_a_gap_and_nothing_twice() {
    let ring = Recent::starting_after(0);
    assert!(ring.push(&[event(1, "{}")]));
    assert!(!ring.push(&[event(3, "{}")]));
    assert!(ring.push(&[event(1, "{}"), event(2, "{}")]));
    assert_eq!(positions(ring.read(&after(0), 2)), Some(vec![1, 2]));
}

#[test]
fn applies_filters() {
    let ring = Recent::starting_after(0);
    ring.push(&[event(1, "{}"), event(2, "{}"), event(3, "{}")]);
    let query = EventQuery {
        aggregate_id: Some("r1".to_owned()),
        ..after(0)
    };
    assert_eq!(positions(ring.read(&query, 3)), Some(vec![1, 3]));
    let query = EventQuery {
        types: vec!["Other".to_owned()],
        ..after(0)
    };
    assert_eq!(positions(ring.read(&query, 3)), Some(vec![]));
    let query = EventQuery {
        until: Some(2),
        limit: 1,
        ..after(0)
    };
    assert_eq!(positions(ring.read(&query, 3)), Some(vec![1]));
}

#[test]
fn is_bounded_by_bytes() {
    let ring = Recent::starting_after(0);
    let large = "x".repeat(1 << 20);
    let events: Vec<_> = (1..=40).map(|position| event(position, &large)).collect();
    ring.push(&events);
    assert_eq!(positions(ring.read(&after(0), 40)), None);
    assert!(positions(ring.read(&after(20), 40)).is_some());
}
