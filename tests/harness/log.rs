//! What must hold of every log and of the views beside it, seen from outside.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{
    Client, Server,
    wait::{LONG, wait_until},
};

/// The whole log as the operator reads it.
pub(crate) struct Log(pub(crate) Vec<Value>);

impl Log {
    /// Reads it all, and checks what holds of any log.
    pub(crate) async fn read(operator: &Client) -> Self {
        let log = Self(operator.events(0).await);
        log.has_no_gaps();
        log
    }

    /// Positions run from 1 without gaps, sequences too in every stream, and no event id comes twice.
    #[track_caller]
    pub(crate) fn has_no_gaps(&self) {
        let mut sequences: HashMap<(&str, &str), u64> = HashMap::new();
        let mut ids = HashMap::new();
        for (event, expected) in self.0.iter().zip(1..) {
            assert_eq!(
                event["position"].as_u64(),
                Some(expected),
                "a gap or an event out of order: {event}"
            );
            let stream = (text(event, "aggregatetype"), text(event, "aggregateid"));
            let sequence = sequences.entry(stream).or_insert(0);
            *sequence += 1;
            assert_eq!(event["sequence"].as_u64(), Some(*sequence), "{event}");
            let twin = ids.insert((text(event, "source"), text(event, "id")), expected);
            assert_eq!(twin, None, "the same event id twice: {event}");
        }
    }

    /// Events of that type.
    pub(crate) fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |event| event_type(event) == kind)
    }

    /// How many events of that type each aggregate has.
    pub(crate) fn count_by_aggregate(&self, kind: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in self.of_type(kind) {
            *counts.entry(text(event, "aggregateid").to_owned()).or_insert(0) += 1;
        }
        counts
    }

    /// Panics unless every event that an answer named is where the answer said.
    #[track_caller]
    pub(crate) fn holds(&self, answer: &Value) {
        for named in answer["events"].as_array().expect("an answer names its events") {
            let position = named["position"].as_u64().expect("a named event has a position");
            let stored = usize::try_from(position - 1)
                .ok()
                .and_then(|index| self.0.get(index));
            let stored = stored.unwrap_or_else(|| panic!("acknowledged and lost: {named}"));
            assert_eq!(
                event_type(stored),
                named["type"].as_str().unwrap_or("?"),
                "{named} is {stored}"
            );
            assert_eq!(stored["sequence"], named["sequence"], "{named} is {stored}");
            assert_eq!(
                stored["aggregateid"], named["aggregate_id"],
                "{named} is {stored}"
            );
        }
    }
}

/// The event's type as the domain names it.
pub(crate) fn event_type(event: &Value) -> &str {
    text(event, "type")
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field]
        .as_str()
        .unwrap_or_else(|| panic!("an event without {field}: {event}"))
}

/// Every document of every view.
pub(crate) async fn documents(operator: &Client) -> BTreeMap<String, Vec<Value>> {
    let views = operator.get("/v1/views").await.ok().body;
    let mut all = BTreeMap::new();
    for view in views["data"].as_array().expect("a list of views") {
        let name = view["name"].as_str().expect("a view has a name");
        all.insert(name.to_owned(), operator.list(name, "").await);
    }
    assert!(!all.is_empty(), "there are no views");
    all
}

/// Builds all views anew from the log and compares every document with what was served before.
pub(crate) async fn rebuilt_views_are_equal(server: &Server) {
    let operator = server.operator();
    // Process managers may still be at work: what is compared must be of one position.
    wait_until("a rebuild during which nothing happens", LONG, async || {
        let before = operator.last_position().await;
        let shown = documents(&operator).await;
        let rebuilt = server.reef(&["--json", "rebuild"]).await.ok().json();
        assert_eq!(
            rebuilt.as_array().map(Vec::len),
            Some(shown.len()),
            "every view is rebuilt: {rebuilt}"
        );
        let anew = documents(&operator).await;
        let still = operator.last_position().await == before;
        still.then(|| {
            for (view, docs) in &shown {
                assert_eq!(docs, &anew[view], "view {view} is not what the log says");
            }
        })
    })
    .await;
}
