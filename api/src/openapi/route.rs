//! One route with everything that documentation says of it.

use serde_json::{Map, Value, json};

use super::schemas::reference;
use crate::problem::PROBLEM_JSON;

/// What all routes of one API share.
#[derive(Debug)]
pub(crate) struct Family {
    /// Content type of failures, and the name of their schema.
    pub(crate) failure: (&'static str, &'static str),
    /// Statuses with which the route may fail besides those it names itself.
    pub(crate) statuses: fn(&Route) -> Vec<u16>,
    /// Whether answers carry `Reef-Position`.
    pub(crate) tells_position: bool,
}

/// The native API's routes.
const NATIVE: Family = Family {
    failure: (PROBLEM_JSON, "Problem"),
    statuses: |route| {
        let mut all = vec![429, 500, 503];
        if route.who != Who::Anybody {
            all.extend([401, 403]);
        }
        if route.method == "get" {
            // A query that nobody understands is refused everywhere.
            all.push(400);
        }
        all
    },
    tells_position: true,
};

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
    /// Status of the answer.
    pub(crate) status: u16,
    /// Content types and schemas of the answer.
    pub(crate) answers: Vec<(&'static str, Value)>,
    /// Whether a client that has the answer already is told so.
    pub(crate) conditional: bool,
    /// Statuses of problems besides those that every route of its kind has.
    pub(crate) problems: Vec<u16>,
    /// Requests per minute, where the route has a limit of its own.
    pub(crate) limit: Option<u32>,
    /// Whether its answer waits for an agent, and may take as long as that does.
    pub(crate) waits: bool,
    pub(crate) family: &'static Family,
}

impl Route {
    /// A route for whoever has a credential.
    pub(crate) fn new(
        family: &'static Family,
        method: &'static str,
        group: &'static str,
        path: impl Into<String>,
        id: impl Into<String>,
        summary: &str,
    ) -> Self {
        Self {
            method,
            path: path.into(),
            id: id.into(),
            group,
            summary: summary.to_owned(),
            description: String::new(),
            who: Who::Credential,
            scope: None,
            parameters: Vec::new(),
            body: None,
            status: 200,
            answers: Vec::new(),
            conditional: false,
            problems: Vec::new(),
            limit: None,
            waits: false,
            family,
        }
    }

    /// A route of the native API that reads, for whoever has a credential.
    pub(crate) fn get(
        group: &'static str,
        path: impl Into<String>,
        id: impl Into<String>,
        summary: &str,
    ) -> Self {
        Self::new(&NATIVE, "get", group, path, id, summary)
    }

    /// A route of the native API that takes a body.
    pub(crate) fn post(
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
            body,
            problems,
            ..Self::new(&NATIVE, "post", group, path, id, summary)
        }
    }

    pub(crate) fn says(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    pub(crate) fn only_for(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    pub(crate) fn needs(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    pub(crate) fn answers(mut self, kind: &'static str, schema: Value) -> Self {
        self.answers.push((kind, schema));
        self
    }

    pub(crate) fn fails(mut self, statuses: &[u16]) -> Self {
        self.problems.extend_from_slice(statuses);
        self
    }

    /// Takes a body of that schema.
    pub(crate) fn takes(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Answers with another status than 200.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Lets in so many requests per minute, counted on their own.
    pub(crate) fn at_most(mut self, per_minute: u32) -> Self {
        self.limit = Some(per_minute);
        self
    }

    /// Its answer waits for an agent's reply.
    pub(crate) fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    pub(crate) fn conditional(self) -> Self {
        let mut route = self.header(
            "If-None-Match",
            "The `ETag` of an answer that the client has.",
            "^.+$",
        );
        route.conditional = true;
        route
    }

    pub(crate) fn path_parameter(self, name: &str, description: &str) -> Self {
        self.parameter(
            name,
            Place::Path,
            description,
            json!({ "type": "string", "minLength": 1 }),
        )
    }

    /// A text without control characters.
    pub(crate) fn query(self, name: &str, description: &str) -> Self {
        let schema =
            json!({ "type": "string", "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" });
        self.parameter(name, Place::Query, description, schema)
    }

    pub(crate) fn at(self) -> Self {
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
    pub(crate) fn some_of(self, name: &str, description: &str, names: &[&str]) -> Self {
        let schema = json!({ "type": "array", "minItems": 1, "items": { "enum": names } });
        self.parameter(name, Place::Query, description, schema)
    }

    /// One of these names.
    pub(crate) fn one_of(self, name: &str, place: Place, description: &str, names: &[&str]) -> Self {
        self.parameter(name, place, description, json!({ "enum": names }))
    }

    pub(crate) fn number(self, name: &str, description: &str, least: u64, most: u64) -> Self {
        self.parameter(
            name,
            Place::Query,
            description,
            json!({ "type": "integer", "minimum": least, "maximum": most }),
        )
    }

    pub(crate) fn position(self, name: &str, description: &str) -> Self {
        self.parameter(
            name,
            Place::Query,
            description,
            json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
        )
    }

    /// A header of that form.
    pub(crate) fn header(self, name: &str, description: &str, pattern: &str) -> Self {
        self.parameter(
            name,
            Place::Header,
            description,
            json!({ "type": "string", "minLength": 1, "pattern": pattern }),
        )
    }

    /// The parameter added last cannot be left out.
    pub(crate) fn required(mut self) -> Self {
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
        all.extend((self.family.statuses)(self));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The operation, as `OpenAPI` has it.
    pub(crate) fn operation(&self) -> Value {
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
        let mut answer = json!({ "description": "Done.", "content": content });
        if self.family.tells_position {
            let position = json!({
                "description": "Position of the log that the answer reflects.",
                "schema": { "type": "integer", "minimum": 0 },
            });
            answer["headers"] = json!({ "Reef-Position": position });
        }
        responses.insert(self.status.to_string(), answer);
        if self.conditional {
            responses.insert(
                "304".to_owned(),
                json!({ "description": "The client has it already." }),
            );
        }
        let (kind, schema) = self.family.failure;
        for status in self.statuses() {
            let meaning = axum::http::StatusCode::from_u16(status).ok();
            let meaning = meaning
                .and_then(|status| status.canonical_reason())
                .unwrap_or("Problem");
            let content = json!({ kind: { "schema": reference(schema) } });
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
