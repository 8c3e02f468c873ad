//! What is the same for every endpoint: credentials, the envelope, bodies.

use std::collections::BTreeSet;

use axum::http::{Method, Request};
use serde_json::json;

use super::{
    client::{CONTRACT, Thermidora, is_envelope, path, request},
    covers, on_both_databases,
};
use crate::{
    contract::caller,
    rig::{OPERATOR, Rig},
    thermidora::BASE,
};

on_both_databases!(
    either_header_is_taken,
    credentials_are_asked_for_everywhere,
    whatever_goes_wrong_has_the_envelope,
    bodies_are_objects_and_more_is_ignored
);

async fn either_header_is_taken(rig: &Rig) {
    covers(&["thermidora.x.1"]);
    let ada = Thermidora::poor_account(rig, "ada").await;
    let me = format!("{BASE}/auth/keys");
    for (header, value) in [
        ("x-api-key", ada.key.clone()),
        ("X-API-Key", format!(" {} ", ada.key)),
        ("authorization", format!("Bearer {}", ada.key)),
        ("Authorization", format!("bearer {}", ada.key)),
    ] {
        let reply = rig
            .send(caller::request((header, &value), "GET", &me, None))
            .await;
        assert_eq!(reply.status, 200, "{header}: {}", reply.text);
    }
    // Elsewhere the header means nothing.
    let native = "/v1/views/api_keys";
    let reply = rig
        .send(caller::request(("x-api-key", &ada.key), "GET", native, None))
        .await;
    assert_eq!(reply.status, 401);
}

async fn credentials_are_asked_for_everywhere(rig: &Rig) {
    covers(&["thermidora.x.2"]);
    let ada = Thermidora::account(rig, "ada").await;
    let served: BTreeSet<_> = crate::thermidora::api()
        .routes()
        .iter()
        .map(|route| route.id.clone())
        .collect();
    for endpoint in CONTRACT
        .endpoints()
        .filter(|endpoint| !endpoint.is_open() && served.contains(endpoint.id()))
    {
        let path = path(endpoint, &["id_1", "id_2"]);
        for key in ["", "tc_live_wrong", "wrong", "eyJhbGciOiJub25lIn0.e30."] {
            let reply = rig.send(request(key, endpoint.method(), &path, None)).await;
            assert_eq!(reply.status, 401, "{} {key}: {}", endpoint.id(), reply.text);
            is_envelope(&reply);
        }
    }
    for wrong in ["Basic YTpi", "Bearer", "Bearer ", &*ada.key] {
        let wrong = caller::request(
            ("authorization", wrong),
            "GET",
            &format!("{BASE}/auth/keys"),
            None,
        );
        let reply = rig.send(wrong).await;
        assert_eq!(reply.status, 401, "{}", reply.text);
        is_envelope(&reply);
    }
    // Credentials of others, the operator's among them, are unknown here.
    let native = rig.account("native").await;
    for key in [&*native.key, OPERATOR] {
        ada.with_key(key).fails("list-api-keys", &[], None, 401).await;
    }
    let suspend = json!({ "account_id": ada.account, "reason": "test" });
    rig.command(OPERATOR, "SuspendAccount", suspend).await.ok();
    ada.fails("list-api-keys", &[], None, 401).await;
}

async fn whatever_goes_wrong_has_the_envelope(rig: &Rig) {
    covers(&["thermidora.x.4"]);
    let ada = Thermidora::account(rig, "ada").await;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("GET", "", 404),
        ("PATCH", "/auth/keys", 404),
        ("DELETE", "/auth/keys/%ff", 400),
        ("DELETE", "/auth/keys/a%20b", 404),
        ("DELETE", "/auth/keys/%00", 404),
        ("DELETE", "/auth/keys/a%2Fb", 404),
    ] {
        let reply = ada.send(method, path, None).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        is_envelope(&reply);
    }
}

async fn bodies_are_objects_and_more_is_ignored(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{BASE}/auth/keys"))
            .header("x-api-key", &ada.key)
            .header("content-type", kind)
            .body(body.into())
            .unwrap();
        rig.send(request).await
    };
    for (kind, body) in [
        ("application/json", b"{".to_vec()),
        ("application/json", b"[]".to_vec()),
        ("application/json", b"null".to_vec()),
        ("application/json", b"{} {}".to_vec()),
        ("application/json", b"{\"name\": \"\xff\"}".to_vec()),
        ("text/plain", b"{\"name\": \"a\"}".to_vec()),
        ("application/json", vec![b' '; (1 << 20) + 1]),
    ] {
        let reply = send(kind, body).await;
        assert_eq!(reply.status, 400, "{kind}: {}", reply.text);
        is_envelope(&reply);
    }
    let body = json!({ "name": "a", "keyId": "key_mine", "scopes": [], "color": "red" });
    let made = ada.ok("create-api-key", &[], Some(body)).await;
    assert_ne!(made["keyId"], "key_mine");
}
