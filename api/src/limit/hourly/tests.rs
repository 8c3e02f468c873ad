//! What fits into an hour.

use super::*;

#[test]
fn the_sixth_of_any_hour_waits_until_the_first_has_left() {
    let (hourly, start) = (Hourly::new(5), Instant::now());
    let at = |text: &str, minutes: u64| hourly.count(text, start + Duration::from_mins(minutes));
    for minute in 0..5 {
        assert_eq!(at("a", minute), 0);
    }
    assert_eq!(at("a", 10), 50 * 60);
    assert_eq!(at("b", 10), 0, "everybody is counted alone");
    assert_eq!(at("a", 60), 0);
    assert_eq!(at("a", 60), 60, "the second leaves a minute later");
}
