use chrono::{DateTime, Utc};

use super::*;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        "2026-02-19T12:00:00Z".parse().unwrap()
    }
}

fn lines(per_runtime: usize, in_all: usize) -> MemoryLogLines {
    MemoryLogLines::bounded(Arc::new(Noon), per_runtime, in_all)
}

fn push(lines: &MemoryLogLines, runtime: &str, message: &str) {
    lines.push(&runtime.into(), None, LogLevel::Info, message.to_owned());
}

fn tail(lines: &MemoryLogLines, runtime: &str, after: u64, limit: usize) -> Vec<(u64, String)> {
    lines
        .tail(&runtime.into(), after, limit)
        .into_iter()
        .map(|line| (line.seq, line.message))
        .collect()
}

#[test]
fn lines_are_numbered_per_runtime_and_followed_from_any_number() {
    let lines = lines(10, 100);
    push(&lines, "rt_1", "one");
    push(&lines, "rt_2", "other");
    push(&lines, "rt_1", "two");
    push(&lines, "rt_1", "three");

    assert_eq!(
        tail(&lines, "rt_1", 1, 10),
        [(2, "two".to_owned()), (3, "three".to_owned())]
    );
    assert_eq!(tail(&lines, "rt_1", 0, 1), [(3, "three".to_owned())]);
    assert_eq!(tail(&lines, "rt_1", 3, 10), []);
    assert_eq!(tail(&lines, "rt_9", 0, 10), []);
}

#[test]
fn a_runtime_keeps_its_newest_lines() {
    let lines = lines(2, 100);
    for message in ["one", "two", "three"] {
        push(&lines, "rt_1", message);
    }

    assert_eq!(
        tail(&lines, "rt_1", 0, 10),
        [(2, "two".to_owned()), (3, "three".to_owned())]
    );
}

#[test]
fn beyond_the_bound_over_all_the_runtime_silent_longest_loses_its_lines_but_not_its_numbers() {
    let lines = lines(10, 3);
    push(&lines, "rt_1", "a");
    push(&lines, "rt_1", "b");
    push(&lines, "rt_2", "c");
    push(&lines, "rt_2", "d");

    assert_eq!(tail(&lines, "rt_1", 0, 10), []);
    assert_eq!(tail(&lines, "rt_2", 0, 10).len(), 2);
    push(&lines, "rt_1", "e");
    assert_eq!(tail(&lines, "rt_1", 0, 10), [(3, "e".to_owned())]);
}

#[test]
fn a_long_line_is_cut_between_characters() {
    let lines = lines(10, 100);
    push(&lines, "rt_1", &"海".repeat(LINE_BYTES));

    let (_, kept) = tail(&lines, "rt_1", 0, 1).remove(0);
    assert!(kept.len() <= LINE_BYTES + 3 && kept.ends_with('…'));
}
