//! Specs of reading stored events.

use serde_json::json;

use super::*;
use crate::ledger::LedgerEvent;

const STEPS: &[(&str, u16, Upcast)] = &[
    ("LampSwitchedOn", 1, |mut payload| {
        payload["LampSwitchedOn"]["lumen"] = json!(800);
        payload
    }),
    ("LampSwitchedOn", 2, |mut payload| {
        payload["LampSwitchedOn"]["colour"] = json!("white");
        payload
    }),
    ("LampSwitchedOff", 1, |_| json!("of another event")),
];

#[test]
fn an_old_payload_takes_every_step_in_order() {
    let old = json!({ "LampSwitchedOn": {} });
    let new = json!({ "LampSwitchedOn": { "lumen": 800, "colour": "white" } });
    assert_eq!(upcast(STEPS, "LampSwitchedOn", 1..3, old.clone()), Ok(new));
    assert_eq!(upcast(STEPS, "LampSwitchedOn", 3..3, old.clone()), Ok(old));
}

#[test]
fn a_missing_step_is_told() {
    let refused = upcast(STEPS, "LampSwitchedOn", 1..4, json!({ "LampSwitchedOn": {} }));
    let reason = "no upcast from version 3".to_owned();
    assert_eq!(
        refused,
        Err(DecodeError::BadPayload {
            event_type: "LampSwitchedOn".to_owned(),
            reason
        })
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    let payload = r#"{"LedgerOpened":{"account_id":"acc_1"}}"#;
    let read = |aggregate: &str, name: &str, version, payload: &str| {
        AnyEvent::decode(aggregate, name, version, payload)
    };
    let opened = LedgerEvent::Opened {
        account_id: "acc_1".into(),
        unit: crate::ledger::LedgerUnit::Credit,
    };
    assert_eq!(
        read("ledger", "LedgerOpened", 1, payload),
        Ok(AnyEvent::Ledger(opened))
    );
    assert_eq!(
        read("lamp", "LedgerOpened", 1, payload),
        Err(DecodeError::UnknownAggregate("lamp".to_owned()))
    );
    assert!(matches!(
        read("ledger", "LedgerOpened", 9, payload),
        Err(DecodeError::TooNew {
            version: 9,
            known: 1,
            ..
        })
    ));
    for (name, version, payload) in [
        ("LedgerClosed", 1, payload),
        ("LedgerOpened", 1, "{"),
        ("LedgerOpened", 1, r#"{"LedgerOpened":{}}"#),
        ("LedgerOpened", 0, payload),
    ] {
        assert!(
            matches!(
                read("ledger", name, version, payload),
                Err(DecodeError::BadPayload { .. })
            ),
            "{payload}"
        );
    }
}
