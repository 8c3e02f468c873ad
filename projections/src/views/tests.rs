//! Laws that hold for every view, and specs of the views by noun.

use std::collections::BTreeMap;

use proptest::prelude::*;
use reef_domain::Envelope;

use super::all;
use crate::{AnyDoc, AnyView, Touch};

pub(super) mod log;

use log::{envelope, fixtures};

/// The documents of one view after a log, by id.
type Docs = BTreeMap<String, AnyDoc>;

/// Folds one event as the store does; `through` is what a document goes through between two events.
fn fold(view: &dyn AnyView, docs: &mut Docs, envelope: &Envelope, through: impl Fn(AnyDoc) -> AnyDoc) {
    for touch in view.touches(envelope) {
        match touch {
            Touch::One(id) => {
                let present = docs.remove(&*id).map(&through);
                if let Some(doc) = view.fold(present.as_ref(), envelope) {
                    docs.insert(id.to_string(), doc);
                }
            }
            Touch::PurgeChildrenOf(parent) => {
                docs.retain(|_, doc| {
                    view.row(doc).and_then(|row| row.parent_id).as_deref() != Some(&*parent)
                });
            }
        }
    }
}

fn rows(view: &dyn AnyView, docs: &Docs) -> BTreeMap<String, crate::Row> {
    docs.iter()
        .map(|(id, doc)| (id.clone(), view.row(doc).expect("a document of this view")))
        .collect()
}

fn build(view: &dyn AnyView, log: &[Envelope]) -> Docs {
    let mut docs = Docs::new();
    for envelope in log {
        fold(view, &mut docs, envelope, |doc| doc);
    }
    docs
}

/// Any events of any aggregates in any order, on few streams so that they meet.
fn logs() -> impl Strategy<Value = Vec<Envelope>> {
    let kinds = fixtures().len();
    prop::collection::vec((0..kinds, 0..2_usize), 0..60).prop_map(|picks| {
        let fixtures = fixtures();
        (1..)
            .zip(picks)
            .map(|(position, (kind, stream))| envelope(position, ["a", "b"][stream], fixtures[kind].clone()))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Inline, every document is written and read between two events; in a rebuild it is not.
    #[test]
    fn incremental_folding_is_a_rebuild(log in logs()) {
        for view in all() {
            let view = view.as_ref();
            let mut inline = Docs::new();
            for envelope in &log {
                fold(view, &mut inline, envelope, |doc| {
                    let row = view.row(&doc).expect("a document of this view");
                    view.decode(&row.payload).expect("what is written can be read")
                });
            }
            prop_assert_eq!(rows(view, &inline), rows(view, &build(view, &log)), "{}", view.name());
        }
    }

    /// A document is kept under its own id, and says so in every column.
    #[test]
    fn a_row_says_what_its_document_says(log in logs()) {
        for view in all() {
            for (id, row) in rows(view.as_ref(), &build(view.as_ref(), &log)) {
                let doc: serde_json::Value = serde_json::from_str(&row.payload).expect("JSON");
                prop_assert_eq!(doc["id"].as_str(), Some(&*row.id), "{}", view.name());
                if view.parent().is_none() {
                    prop_assert_eq!(row.parent_id, None, "{} filters on its parent", view.name());
                }
                prop_assert!(!id.is_empty());
            }
        }
    }
}

#[test]
fn names_are_unique_and_in_order() {
    let names: Vec<&str> = all().iter().map(|view| view.name()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
}

#[test]
fn every_filter_is_a_field_of_the_document() {
    for view in all() {
        let schema = view.schema().to_value();
        for filter in view.filters() {
            assert!(
                schema["properties"].get(filter).is_some(),
                "{} has no {filter}",
                view.name()
            );
        }
    }
}

/// Reading a document as of an earlier position folds its source stream: that must tell all of it.
#[test]
fn a_document_follows_from_its_source_stream() {
    let log = log::story();
    for view in all() {
        let view = view.as_ref();
        for (id, row) in rows(view, &build(view, &log)) {
            let Some(source) = view.source(&id, row.parent_id.as_deref()) else {
                continue;
            };
            let own: Vec<Envelope> = log
                .iter()
                .filter(|e| {
                    e.aggregate_type == source.aggregate_type && *e.aggregate_id == *source.aggregate_id
                })
                .cloned()
                .collect();
            assert_eq!(
                rows(view, &build(view, &own)).get(&id),
                Some(&row),
                "{} {id}",
                view.name()
            );
        }
    }
}
