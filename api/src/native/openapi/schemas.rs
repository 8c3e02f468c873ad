//! JSON Schemas, with what they define inside moved to where all of the document can refer to it.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// The schemas of the document, by name.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Map<String, Value>);

impl Schemas {
    /// With those that no Rust type stands for.
    pub(super) fn new() -> Self {
        let mut all = Map::new();
        all.insert("Problem".to_owned(), problem());
        all.insert("CloudEvent".to_owned(), cloud_event());
        Self(all)
    }

    /// Every schema.
    pub(crate) fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The schema that a reference leads to, or the schema itself.
    pub(crate) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix("#/components/schemas/"));
        name.and_then(|name| self.0.get(name))
            .map_or(schema, |found| self.resolve(found))
    }

    /// The objects that the schema takes: one, or several to choose from.
    pub(crate) fn objects<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.resolve(schema);
        match schema["oneOf"].as_array() {
            Some(choices) => choices.iter().map(|choice| self.resolve(choice)).collect(),
            None => vec![schema],
        }
    }

    /// Adds a schema with what it defines; a reference to it.
    pub(super) fn add(&mut self, name: &str, schema: Schema) -> Value {
        let mut schema = schema.to_value();
        let Some(object) = schema.as_object_mut() else {
            return schema;
        };
        object.remove("$schema");
        let Some(Value::Object(definitions)) = object.remove("$defs") else {
            return self.put(name, schema);
        };
        // Two types may share a name: the later one is then told apart by whose it is.
        let mut renamed = Vec::new();
        for (own, definition) in &definitions {
            let mut moved = definition.clone();
            rewrite(&mut moved, &[]);
            let taken = self.0.get(own).is_some_and(|known| *known != moved);
            renamed.push((
                own.clone(),
                if taken {
                    format!("{name}{own}")
                } else {
                    own.clone()
                },
            ));
        }
        for (own, mut definition) in definitions {
            rewrite(&mut definition, &renamed);
            let target = renamed
                .iter()
                .find(|(from, _)| *from == own)
                .map_or(&own, |(_, to)| to);
            self.0.insert(target.clone(), definition);
        }
        rewrite(&mut schema, &renamed);
        self.put(name, schema)
    }

    /// Adds a plain schema; a reference to it.
    pub(super) fn put(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        reference(name)
    }
}

/// A reference to the schema of that name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Points references at where the definitions now are.
fn rewrite(value: &mut Value, renamed: &[(String, String)]) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get_mut("$ref")
                && let Some(own) = target.strip_prefix("#/$defs/")
            {
                let name = renamed
                    .iter()
                    .find(|(from, _)| from == own)
                    .map_or(own, |(_, to)| to);
                *target = format!("#/components/schemas/{name}");
            }
            object.values_mut().for_each(|value| rewrite(value, renamed));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rewrite(value, renamed)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Why a request failed (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "`/docs#<code>`." },
            "title": { "type": "string", "description": "Short text, the same for all problems of the code." },
            "status": { "type": "integer", "description": "The status of the answer." },
            "detail": { "type": "string", "description": "What went wrong, for people." },
            "code": { "type": "string", "description": "Stable code, for programs." },
            "request_id": { "type": "string", "description": "As in `X-Request-Id`." },
            "field": { "type": "string", "description": "The part of the request that is wrong." },
        },
    })
}

fn cloud_event() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let number = |description: &str| json!({ "type": "integer", "minimum": 1, "description": description });
    json!({
        "type": "object",
        "description": "An event, as CloudEvents 1.0.",
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "position", "sequence",
            "aggregatetype", "aggregateid", "actor", "dialect", "correlationid", "schemaversion", "data",
        ],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": text("Id of the event, unique for ever."),
            "source": text("The stream it is in: `/v1/streams/<type>/<id>`."),
            "type": text("What happened, such as `TaskSubmitted`."),
            "subject": text("Id of the aggregate."),
            "time": { "type": "string", "format": "date-time", "description": "When it was committed." },
            "datacontenttype": { "const": "application/json" },
            "position": number("Place in the log, without gaps."),
            "sequence": number("Place in its stream, without gaps."),
            "aggregatetype": text("Type of the aggregate."),
            "aggregateid": text("Id of the aggregate."),
            "accountid": text("Whose it is; absent for the operator's own."),
            "actor": text("Who did it, `kind:id`."),
            "dialect": text("The API it came over."),
            "correlationid": text("The request or process it belongs to."),
            "causationid": text("Id of the event that led to it."),
            "schemaversion": number("Version of `data`."),
            "data": { "type": "object", "description": "The event's own fields." },
        },
    })
}
