//! Examples made of schemas.

use serde_json::{Map, Value, json};

use crate::native::openapi::{Place, Route, Schemas, Who};

/// A request that can be copied into a shell.
pub(super) fn curl(route: &Route, schemas: &Schemas) -> String {
    let key = match route.who {
        Who::Anybody => "",
        Who::Credential => " -H \"Authorization: Bearer $KEY\"",
        Who::Operator => " -H \"Authorization: Bearer $OPERATOR_KEY\"",
    };
    let needed = route
        .parameters
        .iter()
        .filter(|parameter| parameter.place == Place::Query && parameter.required);
    let query: Vec<String> = needed.map(|parameter| format!("{}=1", parameter.name)).collect();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    let quote = if query.is_empty() { "" } else { "\"" };
    let unbuffered = if route.answers.iter().any(|(kind, _)| *kind == "text/event-stream") {
        "N"
    } else {
        ""
    };
    let body = match (&route.body, route.method) {
        (Some(body), _) => format!(" \\\n  --json '{}'", sample(body, schemas)),
        (None, "post") => " -X POST".to_owned(),
        (None, _) => String::new(),
    };
    format!(
        "curl -s{unbuffered} {quote}$REEF{}{query}{quote}{key}{body}",
        route.path
    )
}

/// A value that the schema's required fields would take.
fn sample(schema: &Value, schemas: &Schemas) -> Value {
    let Some(schema) = schemas.objects(schema).into_iter().next() else {
        return json!({});
    };
    let Some(properties) = schema["properties"].as_object() else {
        return json!({});
    };
    let required = schema["required"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let fields = required
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|name| Some((name, properties.get(name)?)));
    let filled: Map<String, Value> = fields
        .map(|(name, property)| (name.to_owned(), value(name, property, schemas)))
        .collect();
    Value::Object(filled)
}

fn value(name: &str, property: &Value, schemas: &Schemas) -> Value {
    let property = schemas.resolve(property);
    if let Some(first) = property["enum"]
        .get(0)
        .or_else(|| property["oneOf"].get(0).map(|one| &one["const"]))
    {
        return first.clone();
    }
    match property["type"].as_str() {
        Some("integer" | "number") => json!(1_000_000),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => sample(property, schemas),
        Some(_) | None => json!(text(name)),
    }
}

/// What a field of that name may hold.
fn text(name: &str) -> &'static str {
    match name {
        "account_id" => "acc_...",
        "agent_id" => "agt_...",
        "policy_id" => "pol_...",
        "task_id" => "task_...",
        "runtime_id" => "rt_...",
        "conversation_id" => "conv_...",
        "template_id" => "tmpl_...",
        "user_id" => "usr_...",
        "key_id" => "key_...",
        "rules" => "ALLOW: read files\nREQUIRE CONFIRM: send email",
        "description" => "Summarise the week",
        "content" => "Hello",
        "text" => "send an email to Ada",
        name if name.contains("email") => "ada@example.com",
        name if name.contains("name") => "Clownfish",
        _ => "...",
    }
}

/// What a field takes, in a word.
pub(super) fn kind(property: &Value, schemas: &Schemas) -> String {
    if let Some(options) = property["anyOf"].as_array() {
        let kinds: Vec<String> = options
            .iter()
            .filter(|option| option["type"] != "null")
            .map(|option| kind(option, schemas))
            .collect();
        return kinds.join(" or ");
    }
    let property = schemas.resolve(property);
    if let Some(values) = property["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return values.join(" | ");
    }
    if let Some(values) = property["oneOf"].as_array() {
        let values: Vec<&str> = values
            .iter()
            .filter_map(|value| value["const"].as_str())
            .collect();
        if !values.is_empty() {
            return values.join(" | ");
        }
    }
    let name = |kind: &Value| match kind.as_str() {
        Some("array") => format!("array of {}", self::kind(&property["items"], schemas)),
        Some(name) => property["format"]
            .as_str()
            .filter(|format| *format == "date-time")
            .unwrap_or(name)
            .to_owned(),
        None => "any".to_owned(),
    };
    match property["type"].as_array() {
        Some(kinds) => {
            let kinds = kinds.iter().filter(|kind| *kind != "null");
            kinds.map(name).collect::<Vec<_>>().join(" or ")
        }
        None => name(&property["type"]),
    }
}
