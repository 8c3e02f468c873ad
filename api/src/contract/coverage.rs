//! Whether every behaviour and endpoint of a contract is named by a test, and no test names what is not there.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Contract, root};
use crate::openapi::Route;

/// The tests of one dialect.
pub(crate) struct Coverage<'a> {
    pub(crate) contract: &'a Contract,
    /// What its ids begin with.
    pub(crate) dialect: &'a str,
    /// Files and folders where its tests are.
    pub(crate) places: &'a [&'a str],
}

impl Coverage<'_> {
    /// Behaviours that no test names; fails if a test names what the contract does not have.
    #[track_caller]
    pub(crate) fn behaviours_without_test(&self) -> Vec<String> {
        let text = self.sources();
        let named = self.named(&text);
        let ids: BTreeSet<&str> = self.contract.behaviours().into_iter().map(|(id, _)| id).collect();
        let unknown: Vec<_> = named.difference(&ids).collect();
        assert!(
            unknown.is_empty(),
            "tests name what is not in the contract: {unknown:#?}"
        );
        let missing = ids.into_iter().filter(|id| !named.contains(id));
        missing.map(ToOwned::to_owned).collect()
    }

    /// Endpoints that no route serves; the others must be documented as the contract has them and called by a test.
    #[track_caller]
    pub(crate) fn endpoints_not_served(&self, routes: &[Route]) -> Vec<String> {
        let text = self.sources();
        let mut missing = Vec::new();
        for endpoint in self.contract.endpoints() {
            let steps = endpoint
                .path()
                .split('/')
                .map(|step| match step.strip_prefix(':') {
                    Some(name) => format!("{{{name}}}"),
                    None => step.to_owned(),
                });
            let path = steps.collect::<Vec<_>>().join("/");
            let served = routes
                .iter()
                .find(|route| route.method.to_uppercase() == endpoint.method() && route.path == path);
            let Some(route) = served else {
                missing.push(endpoint.id().to_owned());
                continue;
            };
            assert_eq!(route.id, endpoint.id(), "id of the operation");
            assert!(
                text.contains(&format!("\"{}\"", endpoint.id())),
                "no test calls {}",
                endpoint.id()
            );
            let statuses = route.statuses();
            for status in endpoint.failures() {
                let status = u16::try_from(status).unwrap();
                assert!(
                    statuses.contains(&status),
                    "{} does not declare {status}",
                    endpoint.id()
                );
            }
            assert_eq!(route.status, endpoint.status(), "{}", endpoint.id());
        }
        missing
    }

    fn sources(&self) -> String {
        fn read(path: &Path, text: &mut String) {
            if path.is_dir() {
                let entries = fs::read_dir(path).unwrap();
                entries.for_each(|entry| read(&entry.unwrap().path(), text));
            } else if path.to_string_lossy().contains("test")
                && path.extension().is_some_and(|kind| kind == "rs")
            {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
        let mut text = String::new();
        for place in self.places {
            let path = root().join(place);
            if path.exists() {
                read(&path, &mut text);
            }
        }
        text
    }

    /// Texts in quotes that begin with the dialect's name and end with a number: ids of behaviours.
    fn named<'t>(&self, text: &'t str) -> BTreeSet<&'t str> {
        let quoted = text.split('"');
        quoted
            .filter(|text| {
                let number = text.rsplit('.').next().unwrap_or_default();
                let of_dialect = text
                    .strip_prefix(self.dialect)
                    .is_some_and(|rest| rest.starts_with('.'));
                of_dialect && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
            .collect()
    }
}

/// The lines of a golden list that are not empty.
pub(crate) fn listed(list: &str) -> Vec<&str> {
    list.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect()
}
