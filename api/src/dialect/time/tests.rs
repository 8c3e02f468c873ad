use super::*;

#[test]
fn a_stored_time_is_shown_as_the_time_itself_would_be() {
    for nanos in [0, 1_000_000, 120_000_000, 123_456_000, 999_999_999, 7] {
        let time = DateTime::from_timestamp(1_771_495_200, nanos).unwrap();
        let stored = serde_json::to_string(&time).unwrap();
        let read: StoredMillis<'_> = serde_json::from_str(&stored).unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            serde_json::to_string(&Millis(time)).unwrap(),
            "{stored}"
        );
    }
}

#[test]
fn what_is_no_stored_time_is_an_error() {
    for text in ["", "Z", "2026-02-19", "2026-02-19T10:00:00+01:00"] {
        assert!(serde_json::to_string(&StoredMillis(text)).is_err(), "{text}");
    }
}
