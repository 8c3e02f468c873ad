//! Plain commands about cron jobs that an agent without a model understands.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// What is to be done with the agent's jobs.
#[derive(Debug, PartialEq)]
pub(in crate::embedded) enum Order {
    /// Have a job of that name.
    Schedule {
        name: String,
        schedule: Value,
        message: String,
    },
    /// Have it no more.
    Unschedule(String),
    /// Say which there are.
    List,
}

impl Order {
    /// The order in a message, if it is one; of one that is not whole, what is missing.
    pub(in crate::embedded) fn of(said: &str, now: DateTime<Utc>) -> Option<Result<Self, String>> {
        let said = said.trim();
        if ["list jobs", "what is scheduled?", "what is scheduled"]
            .iter()
            .any(|known| said.eq_ignore_ascii_case(known))
        {
            return Some(Ok(Self::List));
        }
        if let Some(rest) = after_word(said, "unschedule") {
            let (name, _) = name_of(rest)?;
            return Some(Ok(Self::Unschedule(name)));
        }
        let (name, rest) = name_of(after_word(said, "schedule")?)?;
        let Some((when, message)) = rest.split_once(": ") else {
            return Some(Err(
                "after a colon, what I am to be told then is missing".to_owned()
            ));
        };
        Some(schedule(when.trim(), now).map(|schedule| Self::Schedule {
            name,
            schedule,
            message: message.trim().to_owned(),
        }))
    }
}

/// The schedule as it stands in a job.
fn schedule(when: &str, now: DateTime<Utc>) -> Result<Value, String> {
    if let Some(interval) = after_word(when, "every") {
        let ms = interval_ms(interval).ok_or("an interval is like \"every 5 minutes\"")?;
        return Ok(json!({ "kind": "every", "everyMs": ms }));
    }
    if let Some(interval) = after_word(when, "in") {
        let ms = interval_ms(interval).ok_or("a time from now is like \"in 10 minutes\"")?;
        let at = DateTime::from_timestamp_millis(now.timestamp_millis().saturating_add(ms));
        let at = at.ok_or("that is too far away")?;
        return Ok(json!({ "kind": "at", "at": at }));
    }
    if let Some(at) = after_word(when, "at") {
        return Ok(json!({ "kind": "at", "at": at }));
    }
    let expr = after_word(when, "on").ok_or("when is missing: every, in, at or on")?;
    Ok(match expr.rsplit_once(" in ") {
        Some((expr, tz)) => json!({ "kind": "cron", "expr": expr.trim(), "tz": tz.trim() }),
        None => json!({ "kind": "cron", "expr": expr, "tz": "UTC" }),
    })
}

/// `5 minutes`, `1 hour`, `30 s`, `day`.
fn interval_ms(text: &str) -> Option<i64> {
    let (count, unit) = match text.split_once(' ') {
        Some((count, unit)) => (count.parse::<i64>().ok().filter(|count| *count > 0)?, unit.trim()),
        None => (1, text),
    };
    let unit_ms = match unit
        .strip_suffix('s')
        .filter(|unit| !unit.is_empty())
        .unwrap_or(unit)
    {
        "s" | "sec" | "second" => 1_000,
        "m" | "min" | "minute" => 60_000,
        "h" | "hour" => 3_600_000,
        "d" | "day" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(unit_ms)
}

/// What follows the word that a text begins with, in any case.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    let rest = &text[word.len()..];
    (head.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

/// A name in quotes, or of one word, and what follows it.
fn name_of(text: &str) -> Option<(String, &str)> {
    let (name, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
    };
    (!name.trim().is_empty()).then(|| (name.trim().to_owned(), rest.trim()))
}

#[cfg(test)]
mod tests;
