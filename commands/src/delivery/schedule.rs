//! When a failed delivery is tried again. Pure.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::{Duration, SystemTime},
};

use chrono::{DateTime, TimeDelta, Utc};
use reef_domain::webhook::WebhookForm;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Waits before the second try, the third and so on, in seconds; after the last it is given up.
const NATIVE: &[u64] = &[
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    10 * HOUR,
];
/// The same for Thermidora's form, where the contract names them.
const THERMIDORA: &[u64] = &[10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE];

/// First and longest wait before one delivery is tried at an endpoint in trouble.
const PROBE: (u64, u64) = (5 * SECOND, 10 * MINUTE);
/// Waits are longer or shorter by up to this part of them, so that endpoints are not all tried at once.
const JITTER: f64 = 0.1;

/// How long one try may take.
pub(super) fn time_limit(form: WebhookForm) -> Duration {
    match form {
        WebhookForm::Native => Duration::from_secs(15),
        WebhookForm::Thermidora => Duration::from_secs(10),
    }
}

/// What comes after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is tried again after this.
    After(TimeDelta),
    /// It was the last try of the schedule; if it is to be kept all the same, this is the wait.
    Exhausted(TimeDelta),
}

/// What comes after that many tries. `salt` decorrelates; all waits are multiplied by `factor`.
pub(super) fn next(form: WebhookForm, tries: u32, salt: u64, factor: f64) -> Next {
    let waits = match form {
        WebhookForm::Native => NATIVE,
        WebhookForm::Thermidora => THERMIDORA,
    };
    let place = usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX);
    let jitter = match form {
        WebhookForm::Native => jitter(salt.wrapping_add(tries.into())),
        WebhookForm::Thermidora => 1.0,
    };
    let scaled = |seconds: u64| scaled(seconds, factor * jitter);
    match waits.get(place) {
        Some(wait) => Next::After(scaled(*wait)),
        None => Next::Exhausted(scaled(waits[waits.len() - 1])),
    }
}

/// How long to wait before the next probe, after that many in vain.
pub(super) fn probe(in_vain: u32, salt: u64, factor: f64) -> TimeDelta {
    let (first, longest) = PROBE;
    let wait = first.saturating_mul(1 << in_vain.min(16)).min(longest);
    scaled(wait, factor * jitter(salt.wrapping_add(in_vain.into())))
}

fn scaled(seconds: u64, factor: f64) -> TimeDelta {
    let wait = Duration::try_from_secs_f64(Duration::from_secs(seconds).as_secs_f64() * factor);
    TimeDelta::from_std(wait.unwrap_or(Duration::MAX)).unwrap_or(TimeDelta::days(365))
}

/// A number around 1 that is always the same for the salt.
fn jitter(salt: u64) -> f64 {
    let mut hasher = DefaultHasher::new();
    salt.hash(&mut hasher);
    let part = f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(0)) / f64::from(u32::MAX);
    1.0 + JITTER * (2.0 * part - 1.0)
}

/// The wait that a header `Retry-After` asks for: seconds, or an HTTP date.
pub(super) fn retry_after(header: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = header.parse().unwrap_or(i64::from(u32::MAX));
        return TimeDelta::try_seconds(seconds.min(i64::from(u32::MAX)));
    }
    let at = httpdate::parse_http_date(header).ok()?;
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let at = DateTime::from_timestamp(i64::try_from(since.as_secs()).ok()?, 0)?;
    Some((at - now).max(TimeDelta::zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(form: WebhookForm) -> Vec<i64> {
        let after = |tries| match next(form, tries, 7, 1.0) {
            Next::After(wait) => Some(wait.num_seconds()),
            Next::Exhausted(_) => None,
        };
        (1..).map_while(after).collect()
    }

    #[test]
    fn thermidoras_waits_are_those_of_the_contract() {
        assert_eq!(
            waits(WebhookForm::Thermidora),
            [10, 60, 300, 1800],
            "five tries in all"
        );
        assert_eq!(time_limit(WebhookForm::Thermidora), Duration::from_secs(10));
    }

    #[test]
    fn native_waits_grow_to_ten_hours() {
        let waits = waits(WebhookForm::Native);
        let about = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
        assert_eq!(waits.len(), about.len());
        for (wait, about) in waits.iter().zip(about) {
            assert!((wait - about).abs() * 10 <= about + 10, "{wait} for {about}");
        }
        let of = |salt| next(WebhookForm::Native, 3, salt, 1.0);
        assert_ne!(of(1), of(2), "not all at once");
        assert_eq!(of(1), of(1));
    }

    #[test]
    fn the_factor_shortens_every_wait() {
        let Next::After(wait) = next(WebhookForm::Thermidora, 4, 0, 0.001) else {
            panic!("there is a fifth try");
        };
        assert_eq!(wait, TimeDelta::milliseconds(1800));
        assert!(probe(30, 0, 1.0) <= TimeDelta::minutes(11));
        assert!(probe(0, 0, 1.0) >= TimeDelta::seconds(4));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::from_timestamp(784_111_717, 0).unwrap();
        let after = |header| retry_after(header, now).map(|wait| wait.num_seconds());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after(" 0 "), Some(0));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(60));
        assert_eq!(after("Sunday, 06-Nov-94 08:48:47 GMT"), Some(10));
        assert_eq!(after("Tue, 06 Nov 1990 08:49:37 GMT"), Some(0), "the past is now");
        assert_eq!(after("99999999999999999999"), Some(i64::from(u32::MAX)));
        for bad in ["", "-1", "1.5", "soon", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(after(bad), None, "{bad}");
        }
    }
}
