//! Health, documentation, and what the operator looks after.

use axum::{body::Body, http::Request};
use serde_json::json;

use super::{OPERATOR, Rig, rig};

fn open(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn health_needs_no_credential_and_ends_with_draining() {
    let rig = Rig::new().await;
    rig.send(open("/healthz")).await.ok();
    assert_eq!(rig.send(open("/readyz")).await.ok().body["status"], "ready");
    rig.shutdown.cancel();
    rig.send(open("/healthz")).await.ok();
    rig.send(open("/readyz")).await.problem(503, "unavailable");
    rig.stop().await;
}

#[tokio::test]
async fn the_documentation_is_served_and_revalidated() {
    let rig = Rig::new().await;
    let front = rig.send(open("/")).await;
    assert_eq!((front.status, front.header("location")), (307, "/docs"));
    for (path, kind) in [
        ("/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
    ] {
        let page = rig.send(open(path)).await.ok();
        assert_eq!(page.header("content-type"), kind);
        let mut again = open(path);
        again
            .headers_mut()
            .insert("if-none-match", page.header("etag").parse().unwrap());
        assert_eq!(rig.send(again).await.status, 304);
    }
    assert_eq!(rig.send(open("/openapi.json")).await.body["openapi"], "3.1.0");
    rig.stop().await;
}

#[tokio::test]
async fn the_operator_sees_the_system() {
    let rig = Rig::new().await;
    rig.account("reef").await;
    let system = rig.get(OPERATOR, "/v1/system").await.ok().body;
    assert_eq!(system["position"], rig.state.0.head());
    assert_eq!(system["parked"], 0);
    assert_eq!(system["providers"], json!(["embedded"]));
    assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        rig.get(OPERATOR, "/v1/parked").await.ok().body,
        json!({ "data": [] })
    );
    let retry = json!({ "manager": "nobody", "key": "x" });
    rig.post(OPERATOR, "/v1/parked/retry", &retry)
        .await
        .problem(404, "not_found");
    let retry = json!({ "manager": "provisioning", "key": "runtime/none" });
    let retried = rig.post(OPERATOR, "/v1/parked/retry", &retry).await.ok();
    assert_eq!(retried.body, json!({ "done": 0, "stopped_by": null }));
    rig.stop().await;
}

#[tokio::test]
async fn a_rebuilt_view_is_what_it_was() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let id = rig.policy(&key, "one").await;
    let before = rig.get(&key, &format!("/v1/views/policies/{id}")).await.ok();
    let rebuild = async || {
        rig.send(rig::post(OPERATOR, "/v1/views/policies/rebuild", &json!({})))
            .await
            .ok()
            .body
    };
    let first = rebuild().await;
    assert_eq!(
        (&first["view"], first["events"].as_u64().unwrap() > 0),
        (&json!("policies"), true)
    );
    assert_eq!(rebuild().await["digest"], first["digest"]);
    let after = rig.get(&key, &format!("/v1/views/policies/{id}")).await.ok();
    assert_eq!(
        (before.text, before.headers["etag"].clone()),
        (after.text, after.headers["etag"].clone())
    );
    rig.send(rig::post(OPERATOR, "/v1/views/fish/rebuild", &json!({})))
        .await
        .problem(404, "unknown_view");
    rig.stop().await;
}
