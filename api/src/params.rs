//! Query parameters: each known, each at most once.

use std::str::FromStr;

use axum::{extract::FromRequestParts, extract::Query, http::request::Parts};

use crate::Problem;

/// The query parameters that no handler has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_none_or(str::is_empty) {
            return Ok(Self::default());
        }
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| Problem::of("bad_request", format!("The query cannot be read: {error}.")))?;
        for (index, (name, _)) in pairs.iter().enumerate() {
            if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::parameter(name, format!("{name} is given twice.")));
            }
        }
        Ok(Self(pairs))
    }
}

impl Params {
    /// Takes the text of a parameter. It can be stored text: no control characters.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(index) = self.0.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (_, value) = self.0.swap_remove(index);
        if value.chars().count() > 255 || value.chars().any(char::is_control) {
            let detail = format!("{name} has at most 255 characters, none of them a control character.");
            return Err(Problem::parameter(name, detail));
        }
        Ok(Some(value))
    }

    /// Takes a parameter of another type; `expected` says which, for people.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let wrong = |_| Problem::parameter(name, format!("{name} is {expected}."));
        text.parse().map(Some).map_err(wrong)
    }

    /// Takes a number of the range, or `default`.
    pub(crate) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, Problem> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let number = self.parsed(name, &expected)?.unwrap_or(default);
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(Problem::parameter(name, format!("{name} is {expected}.")))
        }
    }

    /// Takes a position: a number that a database can hold.
    pub(crate) fn position(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let expected = "a position, a whole number from 0";
        let position: Option<u64> = self.parsed(name, expected)?;
        match position {
            Some(position) if i64::try_from(position).is_err() => {
                Err(Problem::parameter(name, format!("{name} is {expected}.")))
            }
            position => Ok(position),
        }
    }

    /// Refuses what nobody has taken.
    pub(crate) fn finish(self, known: &[&str]) -> Result<(), Problem> {
        let Some((name, _)) = self.0.into_iter().next() else {
            return Ok(());
        };
        let detail = match known {
            [] => format!("There is no parameter {name}; there are none here."),
            known => format!("There is no parameter {name}; there are {}.", known.join(", ")),
        };
        Err(Problem::parameter(&name, detail))
    }
}

#[cfg(test)]
mod tests;
