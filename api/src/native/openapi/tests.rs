//! The document holds together: every reference leads somewhere, every route is there once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn openapi() -> Value {
    let views = reef_projections::views::all()
        .into_iter()
        .map(|view| (view.name(), view))
        .collect();
    serde_json::from_slice(&document(&views).text).unwrap()
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    let document = openapi();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference
            .strip_prefix('#')
            .expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_command_and_view_is_there() {
    let document = openapi();
    for spec in reef_commands::catalogue() {
        let operation = &document["paths"][format!("/v1/commands/{}", spec.name)]["post"];
        assert_eq!(operation["operationId"], spec.name);
    }
    for view in reef_projections::views::all() {
        assert!(
            document["paths"][format!("/v1/views/{}/{{id}}", view.name())]["get"].is_object(),
            "{}",
            view.name()
        );
    }
}

#[test]
fn operations_have_names_of_their_own_and_declare_their_problems() {
    let document = openapi();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{method} {path} is not the only {name}");
            let problem =
                &operation["responses"]["500"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{method} {path}");
        }
    }
}

#[test]
fn readers_of_messages_get_contents_opened() {
    let document = openapi();
    let properties = &document["components"]["schemas"]["MessageDoc"]["properties"];
    assert!(properties["content"].is_object());
    assert!(properties["content_sealed"].is_null());
}
