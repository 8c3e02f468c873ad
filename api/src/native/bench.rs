//! Routes that do nothing behind the same layers as everything else: what benchmarks compare with.

use crate::{Problem, answer::Answered, body::JsonBody};

/// A read of nothing.
pub(super) async fn read() -> Answered {
    Answered::json("{}")
}

/// A write of nothing: the body is read as JSON.
pub(super) async fn write(body: JsonBody) -> Result<Answered, Problem> {
    body.parse::<serde::de::IgnoredAny>()?;
    Ok(Answered::json("{}"))
}
