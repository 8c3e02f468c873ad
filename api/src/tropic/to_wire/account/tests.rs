//! Amounts and descriptions as Tropic's clients know them.

use chrono::DateTime;
use serde_json::json;

use super::*;

fn entry(kind: EntryKind, amount_micro: i64, elapsed_ms: Option<u64>) -> serde_json::Value {
    let mut doc = json!({
        "id": "txn_1a2b3c4d",
        "account_id": "acc_1",
        "number": 1,
        "kind": kind,
        "amount_micro": amount_micro,
        "description": "a gift",
        "created_at": DateTime::UNIX_EPOCH,
    });
    doc["elapsed_ms"] = json!(elapsed_ms);
    serde_json::to_value(transaction(serde_json::from_value(doc).unwrap())).unwrap()
}

#[test]
fn five_minutes_of_a_vm() {
    // "tropic.list-transactions.4"
    let row = entry(EntryKind::Runtime, -420_000, Some(300_000));
    let id = row["id"].as_str().unwrap();
    assert!(id.starts_with("txn_") && id.len() == 10, "{id}");
    let expected = json!({
        "id": id,
        "amount": -0.42,
        "type": "vm_runtime",
        "description": "VM runtime (5 min)",
        "createdAt": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(row, expected);
    let row = entry(EntryKind::Runtime, -20_000, Some(17_200));
    assert_eq!(row["description"], "VM runtime (18 s)");
}

#[test]
fn what_came_is_a_purchase() {
    let row = entry(EntryKind::Grant, 1_000_000_000, None);
    assert_eq!((&row["amount"], &row["type"]), (&json!(1000), &json!("purchase")));
    assert_eq!(row["description"], "a gift");
}

#[test]
fn amounts_are_exact() {
    for (micro, text) in [
        (0, "0"),
        (847_500_000, "847.5"),
        (-410_000, "-0.41"),
        (-1_000_000, "-1"),
    ] {
        assert_eq!(serde_json::to_string(&wire::Credits(micro)).unwrap(), text);
    }
}
