//! One route with everything that documentation says of it.

use serde_json::{Map, Value, json};

use super::schemas::reference;
use crate::problem::PROBLEM_JSON;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody.
    Anybody,
    /// Whoever has a credential.
    Credential,
    /// The operator.
    Operator,
}

/// Where a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

/// A parameter.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) description: String,
    pub(crate) schema: Value,
}

/// A route.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// Unique name of the operation.
    pub(crate) id: String,
    pub(crate) group: &'static str,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) who: Who,
    pub(crate) scope: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    /// JSON Schema of the body.
    pub(crate) body: Option<Value>,
    /// Content types and schemas of the answer.
    pub(crate) answers: Vec<(&'static str, Value)>,
    /// Whether a client that has the answer already is told so.
    pub(crate) conditional: bool,
    /// Statuses of problems besides those that every route of its kind has.
    pub(crate) problems: Vec<u16>,
}

impl Route {
    /// A route that reads, for whoever has a credential.
    pub(super) fn get(
        group: &'static str,
        path: impl Into<String>,
        id: impl Into<String>,
        summary: &str,
    ) -> Self {
        Self {
            method: "get",
            path: path.into(),
            id: id.into(),
            group,
            summary: summary.to_owned(),
            description: String::new(),
            who: Who::Credential,
            scope: None,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            conditional: false,
            problems: Vec::new(),
        }
    }

    /// A route that takes a body.
    pub(super) fn post(
        group: &'static str,
        path: impl Into<String>,
        id: impl Into<String>,
        summary: &str,
        body: Option<Value>,
    ) -> Self {
        let problems = if body.is_some() {
            vec![400, 408, 413, 415]
        } else {
            Vec::new()
        };
        Self {
            method: "post",
            body,
            problems,
            ..Self::get(group, path, id, summary)
        }
    }

    pub(super) fn says(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    pub(super) fn only_for(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    pub(super) fn needs(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    pub(super) fn answers(mut self, kind: &'static str, schema: Value) -> Self {
        self.answers.push((kind, schema));
        self
    }

    pub(super) fn fails(mut self, statuses: &[u16]) -> Self {
        self.problems.extend_from_slice(statuses);
        self
    }

    pub(super) fn conditional(self) -> Self {
        let mut route = self.header(
            "If-None-Match",
            "The `ETag` of an answer that the client has.",
            "^.+$",
        );
        route.conditional = true;
        route
    }

    pub(super) fn path_parameter(self, name: &str, description: &str) -> Self {
        self.parameter(
            name,
            Place::Path,
            description,
            json!({ "type": "string", "minLength": 1 }),
        )
    }

    /// A text without control characters.
    pub(super) fn query(self, name: &str, description: &str) -> Self {
        let schema =
            json!({ "type": "string", "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" });
        self.parameter(name, Place::Query, description, schema)
    }

    pub(super) fn at(self) -> Self {
        let position = json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX });
        let time = json!({ "type": "string", "format": "date-time" });
        let description = "A position, or a time as in RFC 3339: how it was then.";
        self.parameter(
            "at",
            Place::Query,
            description,
            json!({ "oneOf": [position, time] }),
        )
    }

    /// One of these names; several with commas between them.
    pub(super) fn some_of(self, name: &str, description: &str, names: &[&str]) -> Self {
        let schema = json!({ "type": "array", "minItems": 1, "items": { "enum": names } });
        self.parameter(name, Place::Query, description, schema)
    }

    /// One of these names.
    pub(super) fn one_of(self, name: &str, place: Place, description: &str, names: &[&str]) -> Self {
        self.parameter(name, place, description, json!({ "enum": names }))
    }

    pub(super) fn number(self, name: &str, description: &str, least: u64, most: u64) -> Self {
        self.parameter(
            name,
            Place::Query,
            description,
            json!({ "type": "integer", "minimum": least, "maximum": most }),
        )
    }

    pub(super) fn position(self, name: &str, description: &str) -> Self {
        self.parameter(
            name,
            Place::Query,
            description,
            json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
        )
    }

    /// A header of that form.
    pub(super) fn header(self, name: &str, description: &str, pattern: &str) -> Self {
        self.parameter(
            name,
            Place::Header,
            description,
            json!({ "type": "string", "minLength": 1, "pattern": pattern }),
        )
    }

    /// The parameter added last cannot be left out.
    pub(super) fn required(mut self) -> Self {
        if let Some(last) = self.parameters.last_mut() {
            last.required = true;
        }
        self
    }

    fn parameter(mut self, name: &str, place: Place, description: &str, schema: Value) -> Self {
        if place == Place::Query && self.problems.iter().all(|status| *status != 400) {
            self.problems.push(400);
        }
        self.parameters.push(Parameter {
            name: name.to_owned(),
            place,
            required: place == Place::Path,
            description: description.to_owned(),
            schema,
        });
        self
    }

    /// Statuses of every problem, in order.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let mut all = self.problems.clone();
        all.extend([429, 500, 503]);
        if self.who != Who::Anybody {
            all.extend([401, 403]);
        }
        if self.method == "get" {
            // A query that nobody understands is refused everywhere.
            all.push(400);
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The operation, as `OpenAPI` has it.
    pub(super) fn operation(&self) -> Value {
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.group],
            "summary": self.summary,
            "description": self.full_description(),
            "parameters": self.parameters.iter().map(Parameter::described).collect::<Vec<_>>(),
            "responses": self.responses(),
        });
        if let Some(body) = &self.body {
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": body } } });
        }
        if self.who == Who::Anybody {
            operation["security"] = json!([]);
        }
        operation
    }

    /// The description with who may use it.
    pub(crate) fn full_description(&self) -> String {
        let who = match (self.who, &self.scope) {
            (Who::Anybody, _) => "Needs no credential.".to_owned(),
            (Who::Operator, _) => "Only for the operator.".to_owned(),
            (Who::Credential, Some(scope)) => format!("Needs the scope `{scope}`."),
            (Who::Credential, None) => "Any credential will do.".to_owned(),
        };
        if self.description.is_empty() {
            who
        } else {
            format!("{} {who}", self.description)
        }
    }

    fn responses(&self) -> Value {
        let content: Map<String, Value> = self
            .answers
            .iter()
            .map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema })))
            .collect();
        let mut responses = Map::new();
        let position = json!({
            "description": "Position of the log that the answer reflects.",
            "schema": { "type": "integer", "minimum": 0 },
        });
        let ok =
            json!({ "description": "Done.", "content": content, "headers": { "Reef-Position": position } });
        responses.insert("200".to_owned(), ok);
        if self.conditional {
            responses.insert(
                "304".to_owned(),
                json!({ "description": "The client has it already." }),
            );
        }
        for status in self.statuses() {
            let meaning = axum::http::StatusCode::from_u16(status).ok();
            let meaning = meaning
                .and_then(|status| status.canonical_reason())
                .unwrap_or("Problem");
            let content = json!({ PROBLEM_JSON: { "schema": reference("Problem") } });
            responses.insert(
                status.to_string(),
                json!({ "description": meaning, "content": content }),
            );
        }
        Value::Object(responses)
    }
}

impl Parameter {
    fn described(&self) -> Value {
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        let mut described = json!({
            "name": self.name,
            "in": place,
            "required": self.required,
            "description": self.description,
            "schema": self.schema,
        });
        if self.schema["type"] == "array" {
            described["style"] = json!("form");
            described["explode"] = json!(false);
        }
        described
    }
}
