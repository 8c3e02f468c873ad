//! When a job is due.
//!
//! Cron expressions have five fields (or are `@hourly`, `@daily` ...) and are read in the job's time zone. Where clocks
//! go forward, a time of day that is left out comes due at the first moment after the gap; where they go back, a
//! time of day that comes twice is due the first time only, while something like "every ten minutes" goes on
//! through both hours.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds};
use serde_json::Value;

/// The shortest interval.
const LEAST_INTERVAL_MS: i64 = 10_000;
/// The longest interval: ten years.
const LONGEST_INTERVAL_MS: i64 = 10 * 366 * 24 * 3_600_000;

/// When a job is due.
#[derive(Debug, Clone)]
pub(super) enum Schedule {
    Cron(Box<croner::Cron>, Tz),
    /// Every so often; counted from a time if the job names one, else from when it was first seen.
    Every(TimeDelta, Option<DateTime<Utc>>),
    /// Once.
    At(DateTime<Utc>),
}

impl Schedule {
    /// Reads it as it stands in a job; the error is for people.
    pub(super) fn read(schedule: &Value) -> Result<Self, String> {
        match schedule["kind"].as_str() {
            Some("cron") => {
                let expr = schedule["expr"].as_str().ok_or("its schedule has no expr")?;
                Self::cron(expr, schedule["tz"].as_str())
            }
            Some("every") => {
                let interval = schedule["everyMs"]
                    .as_i64()
                    .ok_or("its schedule has no everyMs")?;
                let anchor = schedule["anchorMs"]
                    .as_i64()
                    .and_then(DateTime::from_timestamp_millis);
                Self::every(interval, anchor)
            }
            Some("at") => match (&schedule["at"], schedule["atMs"].as_i64()) {
                (Value::String(at), _) => Self::at(at),
                (_, Some(at)) => DateTime::from_timestamp_millis(at)
                    .map(Self::At)
                    .ok_or_else(|| "its atMs is no time".to_owned()),
                _ => Err("its schedule has no at".to_owned()),
            },
            Some(other) => Err(format!("its schedule is neither cron, every nor at but {other}")),
            None => Err("its schedule has no kind".to_owned()),
        }
    }

    pub(super) fn cron(expr: &str, tz: Option<&str>) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let pattern = parser
            .parse(expr)
            .map_err(|error| format!("its expr {expr:?} cannot be read: {error}"))?;
        let tz: Tz = tz
            .unwrap_or("UTC")
            .parse()
            .map_err(|_| format!("{:?} is no time zone", tz.unwrap_or_default()))?;
        Ok(Self::Cron(Box::new(pattern), tz))
    }

    pub(super) fn every(interval_ms: i64, anchor: Option<DateTime<Utc>>) -> Result<Self, String> {
        if (LEAST_INTERVAL_MS..=LONGEST_INTERVAL_MS).contains(&interval_ms) {
            Ok(Self::Every(TimeDelta::milliseconds(interval_ms), anchor))
        } else {
            Err("its interval is shorter than ten seconds, or longer than ten years".to_owned())
        }
    }

    /// A time without a zone is in UTC.
    pub(super) fn at(at: &str) -> Result<Self, String> {
        let zoned = DateTime::parse_from_rfc3339(at).map(|at| at.to_utc());
        let at = zoned.or_else(|_| at.parse::<NaiveDateTime>().map(|at| at.and_utc()));
        at.map(Self::At)
            .map_err(|_| "its at is no time as in RFC 3339".to_owned())
    }

    /// The first due time after that one. `since`: when the job was first seen.
    pub(super) fn next(&self, since: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            // An error: there is none any more.
            Self::Cron(pattern, tz) => pattern
                .find_next_occurrence(&after.with_timezone(tz), false)
                .ok()
                .map(|next| next.to_utc()),
            Self::Every(interval, anchor) => {
                let anchor = anchor.unwrap_or(since);
                let passed = (after - anchor).num_milliseconds();
                let step = interval.num_milliseconds();
                let count = passed.div_euclid(step) + 1;
                anchor.checked_add_signed(TimeDelta::try_milliseconds(count.max(0).checked_mul(step)?)?)
            }
            Self::At(at) => (*at > after).then_some(*at),
        }
    }

    /// The newest due time after `settled` that has come by `now`: of several that were missed only the last counts.
    pub(super) fn latest(
        &self,
        since: DateTime<Utc>,
        settled: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        // Looked for near the end first: whoever was away for a year has not every minute of it looked at.
        let near = [TimeDelta::hours(1), TimeDelta::days(1), TimeDelta::days(32)];
        let starts = near.map(|back| settled.max(now - back));
        starts.into_iter().chain([settled]).find_map(|start| {
            let mut latest = None;
            let mut after = start;
            while let Some(due) = self.next(since, after).filter(|due| *due <= now) {
                latest = Some(due);
                after = due;
            }
            latest
        })
    }
}

#[cfg(test)]
mod tests;
