//! Ids that come from outside: in paths and bodies.

use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};

use crate::{Problem, problem::not_found};

/// The id with this text. A text that no id can have names nothing there is.
pub(crate) fn named<I: DeserializeOwned>(kind: &str, text: &str) -> Result<I, Problem> {
    I::deserialize(IntoDeserializer::<Error>::into_deserializer(text)).map_err(|_| not_found(kind, text))
}
