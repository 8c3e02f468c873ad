//! What is the same for every endpoint: credentials, the envelope, bodies.

use axum::http::{Method, Request};
use serde_json::json;

use super::{
    client::{CONTRACT, Tropic, is_envelope, request},
    covers, on_both_databases,
};
use crate::{
    rig::{OPERATOR, Rig},
    tropic::BASE,
};

on_both_databases!(
    credentials_are_asked_for_everywhere,
    whatever_goes_wrong_has_the_envelope,
    bodies_are_objects_and_more_is_ignored
);

async fn credentials_are_asked_for_everywhere(rig: &Rig) {
    covers(&["tropic.x.1", "tropic.x.4"]);
    let ada = Tropic::user(rig, "ada").await;
    for endpoint in CONTRACT.endpoints() {
        let path = ada.path(endpoint, &["id_1", "id_2"]);
        let reply = rig.send(request("", endpoint.method(), &path, None)).await;
        assert_eq!(reply.status, 401, "{}: {}", endpoint.id(), reply.text);
        is_envelope(&reply);
    }
    for wrong in [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "tropic_live_sk_1",
    ] {
        let mut request = request("", "GET", "/policies", None);
        request
            .headers_mut()
            .insert("authorization", wrong.parse().unwrap());
        let reply = rig.send(request).await;
        assert_eq!(reply.status, 401, "{wrong}");
        is_envelope(&reply);
    }
    // Credentials of others, the operator's among them, are unknown here.
    let native = rig.account("native").await;
    for key in [&*native.key, OPERATOR] {
        ada.with_key(key).fails("list-policies", &[], None, 401).await;
    }
}

async fn whatever_goes_wrong_has_the_envelope(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("GET", "", 404),
        ("PATCH", "/policies", 404),
        ("POST", "/policies/pol_1", 404),
        ("GET", "/policies/%ff", 400),
        ("GET", "/policies/a%20b", 404),
        ("GET", "/policies/%00", 404),
        ("PUT", "/policies/a%2Fb", 404),
    ] {
        let reply = ada.send(method, path, None).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        is_envelope(&reply);
    }
    let long = format!("/policies/{}", "x".repeat(4000));
    let reply = ada.send("GET", &long, None).await;
    assert_eq!(reply.status, 404);
    is_envelope(&reply);
}

async fn bodies_are_objects_and_more_is_ignored(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{BASE}/policies"))
            .header("authorization", format!("Bearer {}", ada.key))
            .header("content-type", kind)
            .body(body.into())
            .unwrap();
        rig.send(request).await
    };
    covers(&["tropic.x.8"]);
    for body in [
        "{",
        "[]",
        "null",
        "\"text\"",
        "5",
        "{\"name\": }",
        "{} {}",
        "\u{feff}{}",
    ] {
        let reply = send("application/json", body.into()).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
        is_envelope(&reply);
    }
    for (kind, body) in [
        ("application/json", b"{\"name\": \"\xff\"}".to_vec()),
        ("text/plain", b"{}".to_vec()),
        ("application/json", vec![b' '; (1 << 20) + 1]),
    ] {
        let reply = send(kind, body).await;
        assert_eq!(reply.status, 400, "{kind}: {}", reply.text);
        is_envelope(&reply);
    }
    covers(&["tropic.x.9"]);
    let body =
        json!({ "name": "a", "rules": "ALLOW: a", "color": "red", "id": "pol_mine", "userId": "user_x" });
    let made = ada.ok("create-policy", &[], Some(body)).await;
    assert_ne!(made["id"], "pol_mine");
    assert_eq!(made["userId"], ada.user);
}
