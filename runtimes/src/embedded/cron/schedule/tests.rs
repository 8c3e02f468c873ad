//! Specs of due times.

use serde_json::json;

use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn dues(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let since = utc("2026-01-01T00:00:30Z");
    let mut after = utc(after);
    (0..count)
        .map_while(|_| {
            after = schedule.next(since, after)?;
            Some(after.format("%m-%d %H:%M:%S").to_string())
        })
        .collect()
}

#[test]
fn an_expression_is_read_in_its_time_zone() {
    let nine =
        Schedule::read(&json!({ "kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Berlin" })).unwrap();
    assert_eq!(dues(&nine, "2026-01-10T00:00:00Z", 1), ["01-10 08:00:00"]);
    assert_eq!(dues(&nine, "2026-07-10T00:00:00Z", 1), ["07-10 07:00:00"]);
    let plain = Schedule::read(&json!({ "kind": "cron", "expr": "0 9 * * *" })).unwrap();
    assert_eq!(dues(&plain, "2026-07-10T09:00:00Z", 1), ["07-11 09:00:00"]);
}

#[test]
fn a_time_that_is_left_out_in_spring_comes_right_after_the_gap() {
    // 29 March 2026: 02:00 becomes 03:00, which is 01:00 UTC.
    let half_past_two = Schedule::cron("30 2 * * *", Some("Europe/Berlin")).unwrap();
    assert_eq!(
        dues(&half_past_two, "2026-03-28T00:00:00Z", 3),
        ["03-28 01:30:00", "03-29 01:00:00", "03-30 00:30:00"]
    );
}

#[test]
fn a_time_that_comes_twice_in_autumn_is_due_once_and_an_interval_goes_on() {
    // 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
    let half_past_two = Schedule::cron("30 2 * * *", Some("Europe/Berlin")).unwrap();
    assert_eq!(
        dues(&half_past_two, "2026-10-24T12:00:00Z", 2),
        ["10-25 00:30:00", "10-26 01:30:00"]
    );
    let often = Schedule::cron("*/30 * * * *", Some("Europe/Berlin")).unwrap();
    assert_eq!(
        dues(&often, "2026-10-24T23:45:00Z", 5),
        [
            "10-25 00:00:00",
            "10-25 00:30:00",
            "10-25 01:00:00",
            "10-25 01:30:00",
            "10-25 02:00:00"
        ]
    );
}

#[test]
fn intervals_count_from_their_anchor_or_from_when_they_were_first_seen() {
    let every = Schedule::read(&json!({ "kind": "every", "everyMs": 60_000 })).unwrap();
    assert_eq!(
        dues(&every, "2026-01-01T00:00:30Z", 2),
        ["01-01 00:01:30", "01-01 00:02:30"]
    );
    assert_eq!(dues(&every, "2026-01-01T00:05:00Z", 1), ["01-01 00:05:30"]);
    let anchored =
        Schedule::read(&json!({ "kind": "every", "everyMs": 60_000, "anchorMs": 1_767_225_610_000_i64 }));
    assert_eq!(
        dues(&anchored.unwrap(), "2026-01-01T00:05:00Z", 1),
        ["01-01 00:05:10"]
    );
}

#[test]
fn once_is_once() {
    for at in [json!("2026-01-02T10:00:00+02:00"), json!("2026-01-02T08:00:00")] {
        let once = Schedule::read(&json!({ "kind": "at", "at": at })).unwrap();
        assert_eq!(dues(&once, "2026-01-01T00:00:00Z", 3), ["01-02 08:00:00"]);
    }
}

#[test]
fn of_several_missed_times_the_last_counts() {
    let since = utc("2020-01-01T00:00:00Z");
    let now = utc("2026-06-15T12:00:30Z");
    for (expr, latest) in [
        ("* * * * *", Some("2026-06-15T12:00:00Z")),
        ("0 9 * * *", Some("2026-06-15T09:00:00Z")),
        ("0 0 1 * *", Some("2026-06-01T00:00:00Z")),
        ("0 0 1 1 *", Some("2026-01-01T00:00:00Z")),
    ] {
        let schedule = Schedule::cron(expr, None).unwrap();
        assert_eq!(schedule.latest(since, since, now), latest.map(utc), "{expr}");
        let settled = latest.map(utc).unwrap();
        assert_eq!(schedule.latest(since, settled, now), None, "{expr}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (wrong, why) in [
        (json!({}), "no kind"),
        (json!({ "kind": "moon" }), "neither"),
        (json!({ "kind": "cron" }), "no expr"),
        (json!({ "kind": "cron", "expr": "61 * * * *" }), "cannot be read"),
        (json!({ "kind": "cron", "expr": "* * * * * *" }), "cannot be read"),
        (
            json!({ "kind": "cron", "expr": "* * * * *", "tz": "Mars/Olympus" }),
            "no time zone",
        ),
        (
            json!({ "kind": "every", "everyMs": 10 }),
            "shorter than ten seconds",
        ),
        (
            json!({ "kind": "every", "everyMs": i64::MAX }),
            "longer than ten years",
        ),
        (json!({ "kind": "at", "at": "tomorrow" }), "no time"),
        (json!({ "kind": "at" }), "no at"),
    ] {
        let error = Schedule::read(&wrong).unwrap_err();
        assert!(error.contains(why), "{wrong}: {error}");
    }
}
