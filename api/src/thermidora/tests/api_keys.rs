//! API keys.

use serde_json::{Value, json};

use super::{
    client::{Thermidora, each},
    covers, on_both_databases,
};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(keys_are_shown_once, a_revoked_key_fails_at_once);

async fn keys_are_shown_once(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    covers(&[
        "thermidora.create-api-key.1",
        "thermidora.create-api-key.2",
        "thermidora.create-api-key.3",
    ]);
    let named = || Some(json!({ "name": "my-key" }));
    let first = ada.ok("create-api-key", &[], named()).await;
    let second = ada.ok("create-api-key", &[], named()).await;
    assert_eq!(
        (&first["name"], &second["name"]),
        (&json!("my-key"), &json!("my-key"))
    );
    let key = first["apiKey"].as_str().unwrap();
    assert!(key.starts_with("tc_live_") && key.len() > 40, "{key}");
    assert_ne!(first["apiKey"], second["apiKey"]);
    assert!(first["keyId"].as_str().unwrap().starts_with("key_"));
    let listed = ada.with_key(key).call("list-api-keys", &[], None).await;

    covers(&["thermidora.list-api-keys.1", "thermidora.list-api-keys.2"]);
    let hash = reef_commands::digest_key(key);
    assert!(!listed.text.contains(key) && !listed.text.contains(&hash));
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(
        !log.text.contains(key) && log.text.contains(&hash),
        "the log has the hash alone"
    );
    let ids = each(&listed.body["keys"], "keyId");
    assert_eq!(ids.len(), 3, "and the one that the operator issued");
    assert_eq!(ids[..2], [&second["keyId"], &first["keyId"]]);
    let rows = listed.body["keys"].as_array().unwrap();
    assert_eq!(rows[0]["lastUsedAt"], Value::Null);
    assert!(rows[1]["lastUsedAt"].as_str() >= rows[1]["createdAt"].as_str());
    assert_eq!(rows[1]["prefix"], key[..12]);

    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": null }),
        json!({ "name": 5 }),
    ] {
        ada.fails("create-api-key", &[], Some(body), 400).await;
    }
}

async fn a_revoked_key_fails_at_once(rig: &Rig) {
    let (ada, bob) = (
        Thermidora::poor_account(rig, "ada").await,
        Thermidora::poor_account(rig, "bob").await,
    );
    let made = ada
        .ok("create-api-key", &[], Some(json!({ "name": "other" })))
        .await;
    let id = made["keyId"].as_str().unwrap();
    let other = ada.with_key(made["apiKey"].as_str().unwrap());
    other.ok("list-api-keys", &[], None).await;
    let message = bob.fails("revoke-api-key", &[id], None, 404).await;
    assert_eq!(message, "API key not found");
    other.ok("list-api-keys", &[], None).await;
    let gone = ada.ok("revoke-api-key", &[id], None).await;
    assert_eq!(gone, json!({ "keyId": id, "deleted": true }));
    other.fails("list-api-keys", &[], None, 401).await;
    assert_eq!(ada.events("api_key", id).await, ["ApiKeyIssued", "ApiKeyRevoked"]);
    let left = ada.ok("list-api-keys", &[], None).await;
    assert!(!each(&left["keys"], "keyId").contains(&id));
    for absent in [id, "key_absent00", "a%20b"] {
        ada.fails("revoke-api-key", &[absent], None, 404).await;
    }
}
