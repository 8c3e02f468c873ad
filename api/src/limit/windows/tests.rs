//! What fits into a minute, and when the next request fits again.

use super::*;

fn user(id: &str) -> Counted {
    Counted::User("acc_1".into(), id.into())
}

fn deploy() -> Own {
    Own {
        operation: "deploy-agent".into(),
        per_minute: 10,
    }
}

/// Counts a request of a user so many milliseconds after the start.
fn at(windows: &Windows, start: Instant, ms: u64, own: Option<&Own>) -> u64 {
    let now = start + Duration::from_millis(ms);
    windows.count(Some(Dialect::Tropic), &user("u"), 60, own, now)
}

#[test]
fn no_factor_is_no_limit() {
    assert!(Windows::times(0).is_none());
}

#[test]
fn the_sixty_first_of_any_minute_waits_until_the_first_has_left() {
    let (windows, start) = (Windows::times(1).unwrap(), Instant::now());
    for number in 0..60 {
        assert_eq!(at(&windows, start, number * 100, None), 0, "request {number}");
    }
    assert_eq!(at(&windows, start, 6_000, None), 54);
    assert_eq!(at(&windows, start, 59_999, None), 1);
    assert_eq!(at(&windows, start, 60_000, None), 0, "the first has left");
    assert_eq!(at(&windows, start, 60_001, None), 1, "the second has not");
}

#[test]
fn an_operation_has_its_own_limit_and_counts_toward_the_common_one() {
    let (windows, start) = (Windows::times(1).unwrap(), Instant::now());
    let own = deploy();
    for number in 0..10 {
        assert_eq!(at(&windows, start, number, Some(&own)), 0);
    }
    assert_eq!(at(&windows, start, 10, Some(&own)), 60);
    // Refused requests take no place of others.
    for number in 0..50 {
        assert_eq!(at(&windows, start, 11, None), 0, "request {number}");
    }
    assert_eq!(at(&windows, start, 12, None), 60);
}

#[test]
fn everybody_is_counted_alone() {
    let (windows, now) = (Windows::times(1).unwrap(), Instant::now());
    let count = |dialect, whose: &Counted| windows.count(Some(dialect), whose, 1, None, now);
    assert_eq!(count(Dialect::Tropic, &user("a")), 0);
    assert_eq!(count(Dialect::Tropic, &user("a")), 60);
    assert_eq!(count(Dialect::Tropic, &user("b")), 0);
    assert_eq!(count(Dialect::Agento, &user("a")), 0);
    assert_eq!(count(Dialect::Tropic, &Counted::Address([1, 2, 3, 4].into())), 0);
}

#[test]
fn the_factor_widens_every_limit() {
    let (windows, start) = (Windows::times(2).unwrap(), Instant::now());
    let own = deploy();
    for _ in 0..20 {
        assert_eq!(at(&windows, start, 0, Some(&own)), 0);
    }
    assert_eq!(at(&windows, start, 0, Some(&own)), 60);
}

#[test]
fn who_does_not_ask_is_forgotten() {
    let (windows, start) = (Windows::times(1).unwrap(), Instant::now());
    at(&windows, start, 0, None);
    for number in 0..FORGET_EVERY {
        let whose = Counted::Address(number.to_be_bytes().into());
        windows.count(None, &whose, 1, None, start + Duration::from_secs(70));
    }
    let later = Key {
        dialect: Some(Dialect::Tropic),
        operation: None,
        whose: user("u"),
    };
    assert!(!windows.seen.lock().times.contains_key(&later));
}
