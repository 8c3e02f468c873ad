//! The ring keeps what is newest, and knows what it does not have.

use super::{frame::Frame, ring::Ring};

fn frame(position: u64, bytes: usize) -> Frame {
    Frame {
        position,
        account: None,
        aggregate_type: "lamp",
        aggregate_id: "lamp-1".into(),
        event_type: "LampSwitchedOn",
        text: vec![b'x'; bytes].into(),
    }
}

fn positions(ring: &Ring, after: u64, bytes: usize) -> Option<Vec<u64>> {
    Some(
        ring.after(after, bytes)?
            .iter()
            .map(|frame| frame.position)
            .collect(),
    )
}

#[test]
fn frames_are_found_by_position() {
    let mut ring = Ring::default();
    ring.restart_after(10);
    ring.extend((11..=15).map(|position| frame(position, 1)).collect());
    assert_eq!(positions(&ring, 10, 100), Some(vec![11, 12, 13, 14, 15]));
    assert_eq!(positions(&ring, 13, 100), Some(vec![14, 15]));
    assert_eq!(positions(&ring, 13, 1), Some(vec![14]));
    assert_eq!(positions(&ring, 15, 100), Some(vec![]));
    assert_eq!(positions(&ring, 99, 100), Some(vec![]));
    assert_eq!(positions(&ring, 9, 100), None, "older than the ring");
}

#[test]
fn the_oldest_go_first() {
    let mut ring = Ring::default();
    ring.extend((1..=20_000).map(|position| frame(position, 1)).collect());
    assert_eq!(positions(&ring, 0, 1), None);
    assert_eq!(
        positions(&ring, 20_000 - 16_384, 1),
        Some(vec![20_000 - 16_384 + 1])
    );
    ring.extend(vec![frame(20_001, 8 << 20)]);
    assert_eq!(
        positions(&ring, 20_000, 9),
        Some(vec![20_001]),
        "large ones push many out"
    );
    assert_eq!(positions(&ring, 19_999, 9), None);
}

#[test]
fn after_a_gap_it_starts_over() {
    let mut ring = Ring::default();
    ring.extend(vec![frame(1, 1), frame(2, 1), frame(5, 1)]);
    assert_eq!(positions(&ring, 4, 9), Some(vec![5]));
    assert_eq!(positions(&ring, 2, 9), None);
}
