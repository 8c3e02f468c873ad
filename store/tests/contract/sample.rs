//! Views over reservations, small enough to see through.

use std::{collections::BTreeSet, sync::Mutex};

use chrono::{DateTime, Utc};
use reef_domain::{AccountId, AnyEvent, Envelope, reservation::ReservationEvent};
use reef_projections::{AnyView, Document, Projection, Source, Touch, ViewOf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place with everybody who holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Place {
    pub(crate) id: String,
    pub(crate) account_id: Option<AccountId>,
    pub(crate) kind: String,
    pub(crate) odd: bool,
    pub(crate) holders: Vec<String>,
    pub(crate) status: String,
    pub(crate) created_at: DateTime<Utc>,
    #[serde(default)]
    pub(crate) revision: u32,
}

impl Document for Place {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        Some(&self.status)
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

fn reservation(envelope: &Envelope) -> Option<&ReservationEvent> {
    if let AnyEvent::Reservation(event) = &envelope.event {
        Some(event)
    } else {
        None
    }
}

fn fold_place(doc: Option<Place>, envelope: &Envelope, revision: u32) -> Option<Place> {
    let event = reservation(envelope)?;
    let mut doc = doc.unwrap_or_else(|| Place {
        id: envelope.aggregate_id.to_string(),
        account_id: envelope.account_id.clone(),
        kind: envelope
            .aggregate_id
            .split('/')
            .next()
            .unwrap_or_default()
            .to_owned(),
        odd: false,
        holders: Vec::new(),
        status: String::new(),
        created_at: envelope.recorded_at,
        revision,
    });
    match event {
        ReservationEvent::Claimed { holder } if holder == "panic" => panic!("a fold that panics"),
        ReservationEvent::Claimed { holder } => doc.holders.push(holder.clone()),
        ReservationEvent::Released { holder } if holder == "vanish" => return None,
        ReservationEvent::Released { holder } if holder == "*" => doc.holders.clear(),
        ReservationEvent::Released { holder } => doc.holders.retain(|held| held != holder),
    }
    doc.odd = doc.holders.len() % 2 == 1;
    doc.status = format!("{} held", doc.holders.len());
    Some(doc)
}

/// Places, one document for each stream.
pub(crate) struct Places;

impl Projection for Places {
    type Doc = Place;
    const NAME: &'static str = "places";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["kind", "odd"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        reservation(envelope)
            .map(|_| Touch::one(&envelope.aggregate_id))
            .into_iter()
            .collect()
    }

    fn fold(doc: Option<Place>, envelope: &Envelope) -> Option<Place> {
        fold_place(doc, envelope, 1)
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: "reservation",
            aggregate_id: id.to_owned(),
        })
    }
}

static OPEN_GATES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Holds up [`NewPlaces`] at one event, so that a test can look while the view is being built.
pub(crate) struct Gate(uuid::Uuid);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// The holder at whose claim the fold waits.
    pub(crate) fn holder(&self) -> String {
        format!("gate:{}", self.0)
    }

    pub(crate) fn open(&self) {
        OPEN_GATES.lock().unwrap().insert(self.holder());
    }

    fn wait(envelope: &Envelope) {
        if let Some(ReservationEvent::Claimed { holder }) = reservation(envelope) {
            while holder.starts_with("gate:") && !OPEN_GATES.lock().unwrap().contains(holder) {
                std::thread::yield_now();
            }
        }
    }
}

/// The next version of places.
pub(crate) struct NewPlaces;

impl Projection for NewPlaces {
    type Doc = Place;
    const NAME: &'static str = "places";
    const VERSION: u32 = 2;

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        Places::touches(envelope)
    }

    fn fold(doc: Option<Place>, envelope: &Envelope) -> Option<Place> {
        Gate::wait(envelope);
        fold_place(doc, envelope, 2)
    }

    fn source(id: &str, parent_id: Option<&str>) -> Option<Source> {
        Places::source(id, parent_id)
    }
}

/// One document for each holder of a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Seat {
    pub(crate) id: String,
    pub(crate) place_id: String,
    pub(crate) created_at: DateTime<Utc>,
}

impl Document for Seat {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        None
    }

    fn parent_id(&self) -> Option<&str> {
        Some(&self.place_id)
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// Seats: removed one by one, or all of a place at once.
pub(crate) struct Seats;

impl Projection for Seats {
    type Doc = Seat;
    const NAME: &'static str = "seats";
    const VERSION: u32 = 1;
    const PARENT: Option<&'static str> = Some("place_id");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let place = &envelope.aggregate_id;
        match reservation(envelope) {
            Some(ReservationEvent::Released { holder }) if holder == "*" => {
                vec![Touch::PurgeChildrenOf(place.clone())]
            }
            Some(ReservationEvent::Claimed { holder } | ReservationEvent::Released { holder }) => {
                vec![Touch::one(format!("{place}#{holder}"))]
            }
            None => vec![],
        }
    }

    fn fold(doc: Option<Seat>, envelope: &Envelope) -> Option<Seat> {
        match reservation(envelope)? {
            ReservationEvent::Released { .. } => None,
            ReservationEvent::Claimed { holder } => Some(doc.unwrap_or_else(|| Seat {
                id: format!("{}#{holder}", envelope.aggregate_id),
                place_id: envelope.aggregate_id.to_string(),
                created_at: envelope.recorded_at,
            })),
        }
    }

    fn source(_: &str, parent_id: Option<&str>) -> Option<Source> {
        parent_id.map(|place| Source {
            aggregate_type: "reservation",
            aggregate_id: place.to_owned(),
        })
    }
}

pub(crate) fn views() -> Vec<Box<dyn AnyView>> {
    vec![
        Box::new(ViewOf::<Places>::new()),
        Box::new(ViewOf::<Seats>::new()),
    ]
}

pub(crate) fn new_views() -> Vec<Box<dyn AnyView>> {
    vec![
        Box::new(ViewOf::<NewPlaces>::new()),
        Box::new(ViewOf::<Seats>::new()),
    ]
}
