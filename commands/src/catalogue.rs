//! The catalogue of commands: what can be asked of Reef, by name.

use std::{future::Future, sync::LazyLock};

use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Answer, Bus, CommandError, Request, Unit, ports::StreamKey, unit::stream_key};

/// Who may send a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The operator only.
    Operator,
    /// Accounts, for what is theirs, and the operator.
    Account,
}

/// A command as clients send it, and how it is carried out. The doc comment of the type is its
/// description in the catalogue.
pub trait UseCase: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static {
    /// Name of the command, an imperative in `CamelCase`.
    const NAME: &'static str;
    /// Who may send it.
    const AUDIENCE: Audience;
    /// The scope a credential needs, `<noun>:<verb>`.
    const SCOPE: &'static str;

    /// Loads, looks up, decides. May run several times: anything it does besides must be repeatable.
    fn handle(&self, unit: &mut Unit<'_>) -> impl Future<Output = Result<Outcome, CommandError>> + Send;
}

/// What a use case gives back besides its events.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The aggregate the command was about.
    pub(crate) aggregate: StreamKey,
    /// What is shown in the answer, and only there.
    pub(crate) result: Option<Value>,
    /// Whose deletion must purge the remembered answer; empty: nobody's.
    pub(crate) subject: String,
    /// Whether an idempotency key remembers nothing of it.
    pub(crate) unremembered: bool,
}

impl Outcome {
    /// The command was about this aggregate.
    pub fn of<D: reef_domain::Decider>(id: impl AsRef<str>) -> Self {
        Self {
            aggregate: stream_key::<D>(id.as_ref()),
            result: None,
            subject: String::new(),
            unremembered: false,
        }
    }

    /// Shows this in the answer.
    #[must_use]
    pub fn showing(mut self, result: Value) -> Self {
        self.result = Some(result);
        self
    }

    /// Nothing of the answer is remembered under an idempotency key: a second try is decided anew.
    #[must_use]
    pub fn unremembered(mut self) -> Self {
        self.unremembered = true;
        self
    }

    /// The remembered answer is purged when this aggregate's content is deleted for good.
    #[must_use]
    pub fn subject(mut self, id: impl AsRef<str>) -> Self {
        id.as_ref().clone_into(&mut self.subject);
        self
    }
}

type Run = for<'a> fn(&'a Bus, &'a [u8], Request) -> BoxFuture<'a, Result<Answer, CommandError>>;

/// One command of the catalogue.
#[derive(Clone, Copy)]
pub struct CommandSpec {
    /// See [`UseCase::NAME`].
    pub name: &'static str,
    /// See [`UseCase::AUDIENCE`].
    pub audience: Audience,
    /// See [`UseCase::SCOPE`].
    pub scope: &'static str,
    schema: fn() -> Schema,
    run: Run,
}

impl CommandSpec {
    /// The spec of a use case.
    pub(crate) const fn of<C: UseCase>() -> Self {
        Self {
            name: C::NAME,
            audience: C::AUDIENCE,
            scope: C::SCOPE,
            schema: || schemars::schema_for!(C),
            run: |bus, body, request| {
                Box::pin(async move {
                    let command: C = parse(body)?;
                    bus.execute(&command, request).await
                })
            },
        }
    }

    /// JSON Schema (2020-12) of the body.
    pub fn schema(&self) -> Schema {
        (self.schema)()
    }

    /// Carries the command out from its JSON body. Audience and scope are the caller's to check.
    pub async fn run(&self, bus: &Bus, body: &[u8], request: Request) -> Result<Answer, CommandError> {
        (self.run)(bus, body, request).await
    }
}

fn parse<C: DeserializeOwned>(body: &[u8]) -> Result<C, CommandError> {
    // An absent body is an empty command: some take nothing.
    let body = if body.is_empty() { b"{}" } else { body };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let command = serde_path_to_error::deserialize(&mut reader).map_err(|error| CommandError::Malformed {
        field: error.path().to_string(),
        message: error.inner().to_string(),
    })?;
    reader
        .end()
        .map_err(|error| CommandError::malformed(".", error.to_string()))?;
    Ok(command)
}

/// Every command, by name.
pub fn catalogue() -> &'static [CommandSpec] {
    static ALL: LazyLock<Vec<CommandSpec>> = LazyLock::new(|| {
        let mut all: Vec<CommandSpec> = NOUNS.iter().flat_map(|noun| noun.iter().copied()).collect();
        all.sort_by_key(|spec| spec.name);
        all
    });
    &ALL
}

/// The command of that name.
pub fn find_command(name: &str) -> Option<&'static CommandSpec> {
    catalogue()
        .binary_search_by_key(&name, |spec| spec.name)
        .ok()
        .map(|index| &catalogue()[index])
}

/// Each noun's `COMMANDS`.
const NOUNS: &[&[CommandSpec]] = &[
    crate::account::COMMANDS,
    crate::agent::COMMANDS,
    crate::api_key::COMMANDS,
    crate::conversation::COMMANDS,
    crate::invite_code::COMMANDS,
    crate::ledger::COMMANDS,
    crate::machine::COMMANDS,
    crate::policy::COMMANDS,
    crate::runtime::COMMANDS,
    crate::secret::COMMANDS,
    crate::settings::COMMANDS,
    crate::sign_in::COMMANDS,
    crate::skill::COMMANDS,
    crate::skill_installation::COMMANDS,
    crate::task::COMMANDS,
    crate::template::COMMANDS,
    crate::webhook::COMMANDS,
];
