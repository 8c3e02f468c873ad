//! Rate limits, time limits and faults inside.

use std::time::Duration;

use axum::{Router, body::Body, http::Request, middleware, routing::get};
use tower::Service as _;

use super::{OPERATOR, Rig, rig};
use crate::edge::{Access, Edge, edge};

#[tokio::test]
async fn a_credential_that_asks_too_often_waits_alone() {
    let rig = Rig::with(|config| config.rate_limit_per_minute = 20).await;
    let account = rig.account("reef").await;
    let mut refused = None;
    for _ in 0..30 {
        let reply = rig.get(&account.key, "/v1/views").await;
        assert_eq!(reply.header("ratelimit-limit"), "20");
        assert!(reply.header("ratelimit-policy").contains("q=20;w=60"));
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("there is a limit").problem(429, "rate_limited");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    rig.get(OPERATOR, "/v1/views").await.ok();
    assert_eq!(
        rig.get(OPERATOR, "/healthz")
            .await
            .ok()
            .headers
            .get("ratelimit-limit"),
        None
    );
    rig.stop().await;
}

#[tokio::test]
async fn guessing_keys_is_limited_by_address() {
    let rig = Rig::with(|config| config.rate_limit_per_minute = 5).await;
    let mut statuses = Vec::new();
    for guess in 0..8 {
        statuses.push(rig.get(&format!("guess-{guess}"), "/v1/views").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    rig.get(OPERATOR, "/v1/views").await.ok();
    rig.stop().await;
}

/// Routes that misbehave, behind the edge.
async fn misbehaving(rig: &Rig, path: &str) -> (u16, serde_json::Value, String) {
    async fn panics() {
        panic!("a bug with a secret in it");
    }
    let patience = Some(Duration::from_millis(30));
    let around = Edge {
        state: rig.state.0.clone(),
        face: &crate::face::NATIVE,
        access: Access::Open,
        patience,
        own: None,
    };
    let mut router: Router = Router::new()
        .route("/panics", get(panics))
        .route("/hangs", get(std::future::pending::<()>))
        .layer(middleware::from_fn_with_state(around, edge));
    let response = router
        .call(Request::get(path).body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    (parts.status.as_u16(), serde_json::from_str(&text).unwrap(), text)
}

#[tokio::test]
async fn a_panic_is_a_problem_that_says_nothing() {
    let rig = Rig::new().await;
    let (status, body, text) = misbehaving(&rig, "/panics").await;
    assert_eq!((status, &body["code"]), (500, &"internal_error".into()));
    assert!(!text.contains("secret"));
    rig.stop().await;
}

#[tokio::test]
async fn what_takes_too_long_is_given_up() {
    let rig = Rig::new().await;
    let (status, body, _) = misbehaving(&rig, "/hangs").await;
    assert_eq!((status, &body["code"]), (503, &"timeout".into()));
    rig.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let rig = Rig::with(|config| config.request_timeout = Duration::from_millis(30)).await;
    let request = rig::post(OPERATOR, "/v1/commands/RegisterAccount", &serde_json::json!({}));
    let (parts, _) = request.into_parts();
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    rig.send(Request::from_parts(parts, never))
        .await
        .problem(408, "body_timeout");
    rig.stop().await;
}

#[tokio::test]
async fn the_bench_routes_pass_the_same_layers() {
    let rig = Rig::with(|config| config.bench_routes = true).await;
    let noop = |key: &str| rig::post(key, "/bench/noop", &serde_json::json!({ "a": 1 }));
    assert_eq!(rig.send(noop(OPERATOR)).await.ok().text, "{}");
    assert_eq!(rig.get(OPERATOR, "/bench/noop").await.ok().text, "{}");
    rig.send(noop("wrong")).await.problem(401, "unauthorized");
    rig.stop().await;
    let rig = Rig::new().await;
    rig.get(OPERATOR, "/bench/noop")
        .await
        .problem(404, "unknown_route");
    rig.stop().await;
}
