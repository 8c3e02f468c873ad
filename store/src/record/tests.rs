use ring::digest::{SHA256, digest};

use super::*;

fn record() -> EventRecord {
    EventRecord {
        position: 7,
        aggregate_type: "reservation".to_owned(),
        aggregate_id: "email/x".into(),
        sequence: 2,
        event_type: "ReservationClaimed".to_owned(),
        event_version: "1".to_owned(),
        payload: r#"{"ReservationClaimed":{"holder":"é"}}"#.into(),
        metadata: r#"{"event_id":"e","actor":"operator:o","dialect":"native","correlation_id":"c"}"#
            .to_owned(),
        account_id: None,
        recorded_at_us: 1_700_000_000_000_001,
        leaf_hash: [0; 32],
    }
}

/// The documented form, written out once more by hand.
#[test]
fn leaf_hash_is_over_the_documented_bytes() {
    let record = record();
    let mut bytes = vec![0];
    bytes.extend(b"reef.event.v1\n");
    bytes.extend(7_u64.to_be_bytes());
    bytes.extend(2_u64.to_be_bytes());
    bytes.extend(1_700_000_000_000_001_i64.to_be_bytes());
    for text in [
        "reservation",
        "email/x",
        "ReservationClaimed",
        "1",
        &record.payload,
        &record.metadata,
    ] {
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend([0xff; 4]);
    assert_eq!(record.computed_leaf_hash(), digest(&SHA256, &bytes).as_ref());
}

#[test]
fn every_field_counts() {
    let original = record().computed_leaf_hash();
    let edits: [fn(&mut EventRecord); 10] = [
        |record| record.position += 1,
        |record| record.sequence += 1,
        |record| record.recorded_at_us += 1,
        |record| record.aggregate_type.push('x'),
        |record| record.aggregate_id = "email/y".into(),
        |record| record.event_type.push('x'),
        |record| record.event_version.push('1'),
        |record| record.payload = "{}".into(),
        |record| record.metadata.push(' '),
        |record| record.account_id = Some(String::new()),
    ];
    for edit in edits {
        let mut edited = record();
        edit(&mut edited);
        assert_ne!(edited.computed_leaf_hash(), original);
    }
}

#[test]
fn records_survive_json() {
    let text = serde_json::to_string(&record()).unwrap();
    assert_eq!(serde_json::from_str::<EventRecord>(&text).unwrap(), record());
}

#[test]
fn unreadable_payload_is_corrupt_and_names_the_position() {
    let broken = EventRecord {
        payload: "{}".into(),
        ..record()
    };
    let Err(LogError::Corrupt(reason)) = broken.envelope() else {
        panic!("read")
    };
    assert!(reason.contains("event 7"), "{reason}");
}
