//! Two routes per view.

use reef_projections::AnyView;
use serde_json::{Value, json};

use super::{JSON, page_of};
use crate::{
    native::{
        openapi::{Route, Schemas, Who},
        views,
    },
    sealed,
};

pub(super) fn view_reads(view: &dyn AnyView, schemas: &mut Schemas) -> [Route; 2] {
    let name = view.name();
    let schema = view.schema();
    let title = schema
        .get("title")
        .and_then(Value::as_str)
        .unwrap_or(name)
        .to_owned();
    let about = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let doc = schemas.add(
        &title,
        if sealed::are_in(name) {
            with_content(schema)
        } else {
            schema
        },
    );
    let who = if views::is_operators_only(name) {
        Who::Operator
    } else {
        Who::Credential
    };
    let camel: String = name.split('_').map(capital).collect();
    let mut list = Route::get(
        "Views",
        format!("/v1/views/{name}"),
        format!("list{camel}"),
        &format!("List {}", name.replace('_', " ")),
    )
    .says(&about)
    .only_for(who)
    .needs(views::scope(name))
    .number("limit", "At most so many.", 1, 500)
    .position("after", "`next` of the page before. Newest first.");
    for filter in views::filters(view) {
        list = list.query(filter, &format!("Only those whose `{filter}` is this."));
    }
    let get = Route::get(
        "Views",
        format!("/v1/views/{name}/{{id}}"),
        format!("get{camel}"),
        &format!("Read one of {}", name.replace('_', " ")),
    )
    .says(&about)
    .only_for(who)
    .needs(views::scope(name))
    .path_parameter("id", "Its id.")
    .at()
    .conditional()
    .answers(JSON, doc.clone())
    .fails(&[404, 422]);
    [list.answers(JSON, page_of(&doc)), get]
}

/// Readers get contents opened.
fn with_content(schema: schemars::Schema) -> schemars::Schema {
    let mut value = schema.to_value();
    if let Some(properties) = value["properties"].as_object_mut() {
        properties.remove("content_sealed");
        let content =
            json!({ "type": ["string", "null"], "description": "What it says; null once deleted for good." });
        properties.insert("content".to_owned(), content);
    }
    if let Some(required) = value["required"].as_array_mut() {
        required
            .iter_mut()
            .filter(|name| *name == "content_sealed")
            .for_each(|name| *name = "content".into());
    }
    schemars::Schema::try_from(value).unwrap_or_default()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}
