//! What the specs of views stand on: a log in memory whose clock moves a second per event.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeZone, Utc};
use reef_domain::{Actor, ActorKind, AnyEvent, Envelope, Metadata};

use crate::{Document, Projection, Touch};

/// The time at which the event of that position was recorded.
pub(super) fn at(position: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + position, 0).unwrap()
}

/// One view over a log in memory.
pub(super) struct Kit<P: Projection> {
    docs: BTreeMap<String, P::Doc>,
    position: u64,
}

impl<P: Projection> Kit<P> {
    pub(super) fn new() -> Self {
        Self {
            docs: BTreeMap::new(),
            position: 0,
        }
    }

    /// The event happens to the aggregate of the account `acc_1`.
    pub(super) fn then(mut self, id: &str, event: impl Into<AnyEvent>) -> Self {
        self.position += 1;
        let envelope = envelope(id, event.into(), self.position);
        for touch in P::touches(&envelope) {
            match touch {
                Touch::One(id) => {
                    let folded = P::fold(self.docs.remove(&*id), &envelope);
                    if let Some(doc) = folded {
                        assert_eq!(doc.id(), &*id, "a fold keeps to the document it was asked for");
                        let text = serde_json::to_string(&doc).unwrap();
                        self.docs
                            .insert(id.to_string(), serde_json::from_str(&text).unwrap());
                    }
                }
                Touch::PurgeChildrenOf(parent) => {
                    self.docs.retain(|_, doc| doc.parent_id() != Some(&*parent));
                }
            }
        }
        self
    }

    pub(super) fn doc(&self, id: &str) -> Option<&P::Doc> {
        self.docs.get(id)
    }

    pub(super) fn ids(&self) -> Vec<&str> {
        self.docs.keys().map(String::as_str).collect()
    }
}

fn envelope(id: &str, event: AnyEvent, position: u64) -> Envelope {
    Envelope {
        position,
        aggregate_type: event.aggregate_type(),
        aggregate_id: id.into(),
        sequence: position,
        account_id: Some("acc_1".into()),
        recorded_at: at(i64::try_from(position).unwrap()),
        metadata: Metadata {
            event_id: format!("event-{position}"),
            actor: Actor::new(ActorKind::Operator, "operator"),
            dialect: "native".to_owned(),
            correlation_id: "spec".to_owned(),
            causation_id: None,
        },
        payload: event.to_payload().into(),
        event,
    }
}
