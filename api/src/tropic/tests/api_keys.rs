//! API keys.

use serde_json::{Value, json};

use super::{
    client::{Tropic, each, id},
    covers, on_both_databases,
};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(keys_are_shown_once, a_revoked_key_fails_at_once);

async fn keys_are_shown_once(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    covers(&[
        "tropic.create-api-key.1",
        "tropic.create-api-key.4",
        "tropic.create-api-key.6",
    ]);
    let first = ada.ok("create-api-key", &[], None).await;
    let second = ada.ok("create-api-key", &[], None).await;
    let (first_key, second_key) = (first["key"].as_str().unwrap(), second["key"].as_str().unwrap());
    assert_ne!(first_key, second_key);
    for (made, key) in [(&first, first_key), (&second, second_key)] {
        assert!(id(made).starts_with("key_"));
        assert!(key.starts_with("tropic_live_sk_") && key.len() > 40, "{key}");
        assert_eq!(made["prefix"], key[..19]);
        let policies = ada.with_key(key).ok("list-policies", &[], None).await;
        assert_eq!(policies, json!([]));
    }

    covers(&["tropic.create-api-key.5"]);
    for body in ["{ not json", "[1]", "{\"name\": 5}"] {
        let mut request = super::client::request(&ada.key, "POST", "/api-keys", Some(json!({})));
        *request.body_mut() = body.into();
        assert_eq!(rig.send(request).await.status, 201);
    }

    covers(&[
        "tropic.create-api-key.2",
        "tropic.create-api-key.3",
        "tropic.list-api-keys.1",
    ]);
    let listed = ada.call("list-api-keys", &[], None).await;
    let hash = reef_commands::digest_key(first_key);
    assert!(!listed.text.contains(first_key) && !listed.text.contains(&hash));
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(
        !log.text.contains(first_key) && log.text.contains(&hash),
        "the log has the hash alone"
    );

    covers(&["tropic.list-api-keys.4"]);
    let ids = each(&listed.body, "id");
    assert_eq!(ids.len(), 6);
    assert_eq!(ids[4..], [&*id(&first), &*key_in_use(rig, &ada).await]);
    assert_eq!(ids[3], id(&second));

    covers(&["tropic.list-api-keys.2", "tropic.x.11"]);
    let rows = listed.body.as_array().unwrap();
    let unused = rows.iter().filter(|row| row["lastUsedAt"] == Value::Null).count();
    assert_eq!(unused, 3, "those made with a body were never used");
    let used = rows.iter().find(|row| row["id"] == first["id"]).unwrap();
    assert!(used["lastUsedAt"].as_str() >= first["createdAt"].as_str());

    covers(&["tropic.create-api-key.7"]);
    let through = ada.with_key(first_key);
    let third = id(&through.ok("create-api-key", &[], None).await);
    through.ok("revoke-api-key", &[&third], None).await;
    bob.fails("revoke-api-key", &[&id(&second)], None, 403).await;
    ada.with_key(second_key).ok("list-api-keys", &[], None).await;
}

/// Id of the key that the user was made with.
async fn key_in_use(rig: &Rig, user: &Tropic<'_>) -> String {
    let digest = reef_commands::digest_key(&user.key);
    let credential = rig
        .get(OPERATOR, &format!("/v1/views/credentials/{digest}"))
        .await
        .ok();
    credential.body["key_id"].as_str().unwrap().to_owned()
}

async fn a_revoked_key_fails_at_once(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let made = ada.ok("create-api-key", &[], None).await;
    let other = ada.with_key(made["key"].as_str().unwrap());

    covers(&[
        "tropic.revoke-api-key.1",
        "tropic.revoke-api-key.2",
        "tropic.list-api-keys.3",
        "tropic.x.3",
    ]);
    other.ok("list-policies", &[], None).await;
    ada.ok("revoke-api-key", &[&id(&made)], None).await;
    other.fails("list-policies", &[], None, 401).await;
    let left = ada.ok("list-api-keys", &[], None).await;
    assert!(!each(&left, "id").contains(&&*id(&made)));

    covers(&["tropic.revoke-api-key.4"]);
    let message = ada.fails("revoke-api-key", &[&id(&made)], None, 404).await;
    assert_eq!(message, format!("ApiKey {} not found", id(&made)));
    ada.fails("revoke-api-key", &["key_absent00"], None, 404).await;

    covers(&["tropic.revoke-api-key.3"]);
    let own = key_in_use(rig, &ada).await;
    let last = ada.ok("revoke-api-key", &[&own], None).await;
    assert_eq!(last, json!({ "success": true }));
    ada.fails("list-policies", &[], None, 401).await;
}
