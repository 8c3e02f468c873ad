//! The contract of a dialect, read from `contract/*.yaml`, and whether an answer keeps it.

pub(crate) mod caller;
pub(crate) mod coverage;

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::{Map, Value};

/// The contract of one dialect.
pub(crate) struct Contract(Value);

/// One endpoint of it.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint<'a> {
    contract: &'a Contract,
    value: &'a Value,
}

impl Contract {
    /// `contract/<name>.yaml`.
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(format!("contract/{name}.yaml"))).unwrap();
        Self(serde_saphyr::from_str(&text).unwrap())
    }

    pub(crate) fn endpoints(&self) -> impl Iterator<Item = Endpoint<'_>> {
        let endpoints = self.0["endpoints"].as_array().unwrap();
        endpoints.iter().map(|value| Endpoint {
            contract: self,
            value,
        })
    }

    pub(crate) fn endpoint(&self, id: &str) -> Endpoint<'_> {
        let proposed = self.0["proposed_endpoints"].as_array().unwrap();
        let proposed = proposed.iter().map(|value| Endpoint {
            contract: self,
            value,
        });
        let found = self
            .endpoints()
            .chain(proposed)
            .find(|endpoint| endpoint.id() == id);
        found.unwrap_or_else(|| panic!("the contract has no endpoint {id}"))
    }

    /// Ids of all behaviours, with what they rest on.
    pub(crate) fn behaviours(&self) -> Vec<(&str, &str)> {
        let of_endpoints = self
            .endpoints()
            .flat_map(|endpoint| endpoint.value["behaviours"].as_array().unwrap());
        let all = of_endpoints.chain(self.0["cross_cutting"].as_array().unwrap());
        all.map(|one| (one["id"].as_str().unwrap(), one["basis"].as_str().unwrap()))
            .collect()
    }

    fn values_of(&self, name: &str) -> Vec<&Value> {
        let known = &self.0["conventions"]["enums"][name];
        let lists = [&known["values"], &known["proposed_values"]];
        lists.into_iter().filter_map(Value::as_array).flatten().collect()
    }
}

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Endpoint<'_> {
    pub(crate) fn id(&self) -> &str {
        self.value["id"].as_str().unwrap()
    }

    pub(crate) fn method(&self) -> &str {
        self.value["method"].as_str().unwrap()
    }

    /// With `:name` for parameters.
    pub(crate) fn path(&self) -> &str {
        self.value["path"].as_str().unwrap()
    }

    /// Status of success. Proposed endpoints name none: 200.
    pub(crate) fn status(&self) -> u16 {
        let status = self.value["success"]["status"].as_u64().unwrap_or(200);
        u16::try_from(status).unwrap()
    }

    /// Statuses of failure that the contract names, its common ones among them.
    pub(crate) fn failures(&self) -> BTreeSet<u64> {
        if self.value["errors"].is_null() {
            // Proposed endpoints name none.
            return [400, 401, 403, 404, 429, 500].into();
        }
        let statuses = |rows: &Value| -> Vec<u64> {
            let rows = rows.as_array().into_iter().flatten();
            rows.map(|row| row["status"].as_u64().unwrap()).collect()
        };
        let mut all: BTreeSet<u64> = statuses(&self.value["errors"]).into_iter().collect();
        let common = statuses(&self.contract.0["conventions"]["common_errors"]);
        // Who is not asked for a credential is not told that it is missing.
        all.extend(
            common
                .into_iter()
                .filter(|status| *status != 401 || !self.is_open()),
        );
        all
    }

    /// Whether it asks for no credential.
    pub(crate) fn is_open(&self) -> bool {
        self.value["auth"]["any_of"]
            .as_array()
            .is_some_and(|schemes| schemes.iter().all(|scheme| scheme == "none"))
    }

    /// The documented sample of a body.
    pub(crate) fn sample(&self) -> &Value {
        &self.value["body"]["example"]
    }

    /// Whether the answer has every field that it must have, of its type, and no other.
    #[track_caller]
    pub(crate) fn check(&self, answer: &Value) {
        let Some(fields) = self.value["response_fields"].as_object() else {
            return self.check_proposed(answer);
        };
        let empty = Map::new();
        let more = self.value["response_fields_proposed"]
            .as_object()
            .unwrap_or(&empty);
        for (path, kind) in fields.iter().chain(more) {
            let kind = kind.as_str().unwrap();
            let optional = kind.strip_suffix('?');
            let kind = optional.unwrap_or(kind);
            let steps: Vec<&str> = path.split('.').collect();
            self.walk(answer, &steps, kind, optional.is_some(), path);
        }
        let known: BTreeSet<String> = fields.keys().chain(more.keys()).cloned().collect();
        let free: BTreeSet<&String> = fields
            .iter()
            .chain(more)
            .filter(|(path, kind)| {
                let kind = kind.as_str().unwrap();
                let parent = format!("{path}.");
                kind.starts_with("map<")
                    || (kind == "object" && !known.iter().any(|one| one.starts_with(&parent)))
            })
            .map(|(path, _)| path)
            .collect();
        self.nothing_else(answer, "", &known, &free);
    }

    #[track_caller]
    fn check_proposed(&self, answer: &Value) {
        let Some(sample) = self.value["response"].as_object() else {
            panic!("{} says nothing of its answer", self.id())
        };
        let names: Vec<_> = answer.as_object().unwrap().keys().collect();
        let mut expected: Vec<_> = sample.keys().collect();
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected, "{}: {answer}", self.id());
    }

    #[track_caller]
    fn walk(&self, value: &Value, steps: &[&str], kind: &str, optional: bool, path: &str) {
        let Some((step, rest)) = steps.split_first() else {
            let fits = self.fits(value, kind);
            assert!(fits, "{}: {path} is no {kind}: {value}", self.id());
            return;
        };
        if *step == "$" {
            return self.walk(value, rest, kind, optional, path);
        }
        let (name, items) = match step.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (*step, false),
        };
        let member = if name.is_empty() {
            value
        } else {
            match value.get(name) {
                Some(member) => member,
                // A member of what is null has no members.
                None if optional || value.is_null() => return,
                None => panic!("{}: {path} is missing: {value}", self.id()),
            }
        };
        if items {
            let list = member.as_array();
            let list = list.unwrap_or_else(|| panic!("{}: {path} is no list: {member}", self.id()));
            for item in list {
                self.walk(item, rest, kind, optional, path);
            }
        } else {
            self.walk(member, rest, kind, optional, path);
        }
    }

    fn fits(&self, value: &Value, kind: &str) -> bool {
        if let Some(inner) = kind
            .strip_prefix("array<")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            return value
                .as_array()
                .is_some_and(|list| list.iter().all(|item| self.fits(item, inner)));
        }
        if let Some(inner) = kind
            .strip_prefix("map<string,")
            .and_then(|rest| rest.strip_suffix('>'))
        {
            return value
                .as_object()
                .is_some_and(|map| map.values().all(|item| self.fits(item, inner)));
        }
        if let Some((one, other)) = kind.split_once('|') {
            return self.fits(value, one) || self.fits(value, other);
        }
        if let Some(name) = kind.strip_prefix("enum:") {
            return self.contract.values_of(name).contains(&value);
        }
        match kind {
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            "iso8601" => value.as_str().is_some_and(is_time),
            kind => panic!("{}: unknown type {kind}", self.id()),
        }
    }

    #[track_caller]
    fn nothing_else(&self, value: &Value, at: &str, known: &BTreeSet<String>, free: &BTreeSet<&String>) {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.nothing_else(item, &format!("{at}[]"), known, free);
                }
            }
            Value::Object(members) if !free.contains(&at.to_owned()) && !free.contains(&format!("${at}")) => {
                for (name, member) in members {
                    let path = if at.is_empty() {
                        name.clone()
                    } else {
                        format!("{at}.{name}")
                    };
                    let inside = [format!("{path}."), format!("{path}[].")];
                    let listed = known
                        .iter()
                        .any(|one| *one == path || inside.iter().any(|prefix| one.starts_with(prefix)));
                    assert!(listed, "{}: the contract has no field {path}: {value}", self.id());
                    self.nothing_else(member, &path, known, free);
                }
            }
            Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// UTC with milliseconds and `Z`.
fn is_time(text: &str) -> bool {
    text.len() == "2026-02-19T10:00:00.000Z".len()
        && text.ends_with('Z')
        && text.as_bytes()[19] == b'.'
        && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}
