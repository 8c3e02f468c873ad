//! JSON Schemas, with what they define inside moved to where all of the document can refer to it.

use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// The schemas of the document, by name.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Map<String, Value>);

impl Schemas {
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
    pub(crate) fn add(&mut self, name: &str, schema: Schema) -> Value {
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

    /// Adds the schema of a Rust type under the type's own name; a reference to it.
    pub(crate) fn of<T: JsonSchema>(&mut self) -> Value {
        self.add(&T::schema_name(), schemars::schema_for!(T))
    }

    /// Adds a plain schema; a reference to it.
    pub(crate) fn put(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        reference(name)
    }
}

/// A reference to the schema of that name.
pub(crate) fn reference(name: &str) -> Value {
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
