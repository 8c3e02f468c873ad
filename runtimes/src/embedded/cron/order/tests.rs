//! Specs of plain commands about jobs.

use super::*;

fn of(said: &str) -> Option<Result<Order, String>> {
    Order::of(said, DateTime::UNIX_EPOCH)
}

#[test]
fn jobs_are_scheduled_in_plain_words() {
    for (said, name, schedule) in [
        (
            "Schedule price every 5 minutes: What is the price?",
            "price",
            json!({ "kind": "every", "everyMs": 300_000 }),
        ),
        (
            "schedule \"good morning\" on 0 9 * * 1-5 in Europe/Berlin: What is the price?",
            "good morning",
            json!({ "kind": "cron", "expr": "0 9 * * 1-5", "tz": "Europe/Berlin" }),
        ),
        (
            "schedule noon on 0 12 * * *: What is the price?",
            "noon",
            json!({ "kind": "cron", "expr": "0 12 * * *", "tz": "UTC" }),
        ),
        (
            "schedule once at 2026-12-24T18:00:00Z: What is the price?",
            "once",
            json!({ "kind": "at", "at": "2026-12-24T18:00:00Z" }),
        ),
        (
            "schedule soon in 1 hour: What is the price?",
            "soon",
            json!({ "kind": "at", "at": "1970-01-01T01:00:00Z" }),
        ),
        (
            "schedule daily every day: What is the price?",
            "daily",
            json!({ "kind": "every", "everyMs": 86_400_000 }),
        ),
    ] {
        let order = Order::Schedule {
            name: name.to_owned(),
            schedule,
            message: "What is the price?".to_owned(),
        };
        assert_eq!(of(said), Some(Ok(order)), "{said}");
    }
    assert_eq!(
        of("unschedule price"),
        Some(Ok(Order::Unschedule("price".to_owned())))
    );
    assert_eq!(of(" List jobs "), Some(Ok(Order::List)));
}

#[test]
fn an_order_that_is_not_whole_says_what_is_missing() {
    for said in [
        "schedule price every 5 minutes",
        "schedule price every so often: x",
        "schedule price in no time: x",
        "schedule price tomorrow: x",
    ] {
        assert!(of(said).unwrap().is_err(), "{said}");
    }
}

#[test]
fn other_messages_are_no_orders() {
    for said in [
        "",
        "hello",
        "schedules are dull",
        "schedule",
        "rescheduled: x",
        "unschedule",
    ] {
        assert_eq!(of(said), None, "{said}");
    }
}
