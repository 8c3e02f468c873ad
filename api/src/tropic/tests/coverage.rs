//! Every behaviour and endpoint of the contract is named by a test, and no test names what is not there.

use std::{collections::BTreeSet, fs, path::Path};

use super::client::CONTRACT;
use crate::contract::root;

/// Behaviours without a test, one per line with the reason: only proposed ones may be there.
const WITHOUT_TEST: &str = include_str!("without_test.txt");

/// Where tests of Tropic are.
const PLACES: &[&str] = &[
    "api/src/tropic",
    "tests/tropic",
    "tests/nodes",
    "api/src/limit/windows",
];

fn sources() -> String {
    fn read(path: &Path, text: &mut String) {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            entries.for_each(|entry| read(&entry.unwrap().path(), text));
        } else if path.to_string_lossy().contains("test") && path.extension().is_some_and(|kind| kind == "rs")
        {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    let mut text = String::new();
    for place in PLACES {
        let path = root().join(place);
        if path.exists() {
            read(&path, &mut text);
        }
    }
    text
}

/// Texts in quotes that begin with `tropic.` and end with a number: ids of behaviours.
fn named(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('"');
    quoted
        .filter(|text| {
            let number = text.rsplit('.').next().unwrap_or_default();
            text.starts_with("tropic.")
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
        .collect()
}

#[test]
fn every_behaviour_is_named_by_a_test() {
    let text = sources();
    let named = named(&text);
    let known = CONTRACT.behaviours();
    let ids: BTreeSet<&str> = known.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), 228, "215 behaviours and 13 that cut across");
    let unknown: Vec<_> = named.difference(&ids).collect();
    assert!(
        unknown.is_empty(),
        "tests name what is not in the contract: {unknown:#?}"
    );
    let excused: BTreeSet<&str> = WITHOUT_TEST
        .lines()
        .map(|line| line.split_once(": ").expect("an id and a reason").0)
        .collect();
    let missing: Vec<_> = ids.difference(&named).copied().collect();
    assert_eq!(
        missing,
        excused.iter().copied().collect::<Vec<_>>(),
        "behaviours without a test"
    );
    for (id, basis) in known {
        assert!(
            basis == "proposed" || !excused.contains(id),
            "{id} is {basis} and needs a test"
        );
    }
}

#[test]
fn every_endpoint_is_served_and_called_by_a_test() {
    let text = sources();
    let api = crate::tropic::api();
    let served: BTreeSet<(String, String)> = api
        .routes()
        .iter()
        .map(|route| (route.method.to_uppercase(), route.path.clone()))
        .collect();
    let mut count = 0;
    for endpoint in CONTRACT.endpoints() {
        let steps = endpoint
            .path()
            .split('/')
            .map(|step| match step.strip_prefix(':') {
                Some(name) => format!("{{{name}}}"),
                None => step.to_owned(),
            });
        let path = steps.collect::<Vec<_>>().join("/");
        assert!(
            served.contains(&(endpoint.method().to_owned(), path.clone())),
            "{} {path} is not served",
            endpoint.method()
        );
        assert!(
            text.contains(&format!("\"{}\"", endpoint.id())),
            "no test calls {}",
            endpoint.id()
        );
        let documented = api.routes().iter().find(|route| route.id == endpoint.id());
        let documented = documented.unwrap_or_else(|| panic!("{} is not documented", endpoint.id()));
        let statuses = documented.statuses();
        for status in endpoint.failures() {
            let status = u16::try_from(status).unwrap();
            assert!(
                statuses.contains(&status),
                "{} does not declare {status}",
                endpoint.id()
            );
        }
        assert_eq!(documented.status, endpoint.status(), "{}", endpoint.id());
        count += 1;
    }
    assert_eq!(count, 41);
}
