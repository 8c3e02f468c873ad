//! Every schema version of every event that was ever stored can still be read.
//!
//! `fixtures/events.json` holds one stored payload per event and version. Entries are added, never
//! changed: a changed one would be a log that can no longer be read.

use std::collections::BTreeSet;

use reef_domain::AnyEvent;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Fixture {
    aggregate_type: String,
    event_type: String,
    event_version: u16,
    payload: Value,
}

fn fixtures() -> Vec<Fixture> {
    serde_json::from_str(include_str!("../fixtures/events.json")).expect("the fixtures are JSON")
}

fn decode(fixture: &Fixture) -> AnyEvent {
    let Fixture {
        aggregate_type,
        event_type,
        event_version,
        payload,
    } = fixture;
    AnyEvent::decode(aggregate_type, event_type, *event_version, &payload.to_string())
        .unwrap_or_else(|error| panic!("{event_type} version {event_version}: {error}"))
}

#[test]
fn every_event_of_the_catalogue_has_a_payload_of_each_version() {
    let catalogue: BTreeSet<(String, String, u16)> = AnyEvent::CATALOGUE
        .iter()
        .flat_map(|(aggregate, types)| types.iter().map(move |(name, newest)| (aggregate, name, *newest)))
        .flat_map(|(aggregate, name, newest)| {
            (1..=newest).map(move |version| ((*aggregate).to_owned(), (*name).to_owned(), version))
        })
        .collect();
    let kept: BTreeSet<(String, String, u16)> = fixtures()
        .into_iter()
        .map(|fixture| (fixture.aggregate_type, fixture.event_type, fixture.event_version))
        .collect();
    let missing: Vec<_> = catalogue.difference(&kept).collect();
    let unknown: Vec<_> = kept.difference(&catalogue).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "missing {missing:?}, unknown {unknown:?}"
    );
}

#[test]
fn every_payload_is_read_and_a_present_one_written_the_same() {
    for fixture in fixtures() {
        let event = decode(&fixture);
        assert_eq!(event.event_type(), fixture.event_type);
        assert_eq!(event.aggregate_type(), fixture.aggregate_type);
        if event.event_version() == fixture.event_version {
            let written: Value = serde_json::from_str(&event.to_payload()).unwrap();
            assert_eq!(written, fixture.payload);
        }
    }
}

#[test]
fn stored_names_are_unique_over_all_aggregates() {
    let mut seen = BTreeSet::new();
    for (aggregate, types) in AnyEvent::CATALOGUE {
        for (name, _) in *types {
            assert!(seen.insert(*name), "{name} of {aggregate} is taken");
        }
    }
}

#[test]
fn no_payload_names_a_secret_in_clear() {
    for fixture in fixtures() {
        let text = fixture.payload.to_string();
        for forbidden in [
            "\"value\"",
            "\"password\"",
            "\"token\"",
            "\"api_key\":",
            "\"secret\":",
        ] {
            assert!(
                !text.contains(forbidden),
                "{} holds {forbidden}",
                fixture.event_type
            );
        }
    }
}
