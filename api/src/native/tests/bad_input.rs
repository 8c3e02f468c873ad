//! Bad input: a clear problem document, never a 500 or a panic.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::{OPERATOR, Reply, Rig, rig};

async fn raw(rig: &Rig, key: &str, kind: Option<&str>, body: impl Into<Body>) -> Reply {
    let request = Request::post("/v1/commands/CreatePolicy").header("authorization", format!("Bearer {key}"));
    let request = kind
        .into_iter()
        .fold(request, |request, kind| request.header("content-type", kind));
    rig.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn bodies_that_are_not_the_command() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let cases = [
        ("{", "."),
        ("", "."),
        ("[]", "."),
        (r#"["a","ALLOW: a",null,null,null]"#, "."),
        ("null", "."),
        ("\"text\"", "."),
        (r#"{"name":"a","rules":"ALLOW: a"} trailing"#, "."),
        (r#"{"name":"a"}"#, "."),
        (r#"{"name":5,"rules":"ALLOW: a"}"#, "name"),
        (r#"{"name":"a","rules":["ALLOW: a"]}"#, "rules"),
        (r#"{"name":"a","rules":"ALLOW: a","colour":"red"}"#, "colour"),
        (r#"{"name":"a","name":"b","rules":"ALLOW: a"}"#, "."),
    ];
    for (body, field) in cases {
        let problem = raw(&rig, &key, Some("application/json"), body)
            .await
            .problem(400, "invalid_command");
        assert_eq!(problem.body["field"], field, "{body}: {}", problem.text);
    }
    raw(&rig, &key, Some("application/json"), vec![0xff, 0xfe])
        .await
        .problem(400, "invalid_command");
    let deep = "[".repeat(100_000);
    raw(&rig, &key, Some("application/json"), deep)
        .await
        .problem(400, "invalid_command");
    rig.stop().await;
}

#[tokio::test]
async fn content_types_that_are_not_json() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let body = r#"{"name":"a","rules":"ALLOW: a"}"#;
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("jsonish"),
    ] {
        raw(&rig, &key, kind, body)
            .await
            .problem(415, "unsupported_media_type");
    }
    for kind in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/merge-patch+json",
    ] {
        raw(&rig, &key, Some(kind), body).await.ok();
    }
    let mut packed = rig::post(
        &key,
        "/v1/commands/CreatePolicy",
        &json!({ "name": "a", "rules": "ALLOW: a" }),
    );
    packed
        .headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    rig.send(packed).await.problem(415, "unsupported_media_type");
    rig.stop().await;
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let rig = Rig::with(|config| config.body_limit_bytes = 1000).await;
    let key = rig.account("reef").await.key;
    let large = json!({ "name": "a", "rules": "ALLOW: a".repeat(200) }).to_string();
    raw(&rig, &key, Some("application/json"), large.clone())
        .await
        .problem(413, "body_too_large");
    // Without a length to be believed, it is noticed while reading.
    let pieces = large
        .into_bytes()
        .chunks(100)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect::<Vec<_>>();
    let stream = Body::from_stream(futures::stream::iter(pieces));
    raw(&rig, &key, Some("application/json"), stream)
        .await
        .problem(413, "body_too_large");
    rig.stop().await;
}

#[tokio::test]
async fn unknown_commands_routes_views_methods_and_ids() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    rig.command(&key, "Fly", json!({}))
        .await
        .problem(404, "unknown_command");
    rig.command(&key, "createpolicy", json!({}))
        .await
        .problem(404, "unknown_command");
    rig.get(&key, "/v1/nothing").await.problem(404, "unknown_route");
    rig.get(&key, "/v2/views").await.problem(404, "unknown_route");
    rig.get(&key, "/v1/views/fish").await.problem(404, "unknown_view");
    rig.get(&key, "/v1/streams/fish/1")
        .await
        .problem(404, "not_found");
    for id in [
        "pol_absent",
        "%00",
        "%0A",
        "a%2Fb",
        "%F0%9F%90%9F",
        &"x".repeat(2000),
    ] {
        rig.get(&key, &format!("/v1/views/policies/{id}"))
            .await
            .problem(404, "not_found");
        rig.get(&key, &format!("/v1/streams/policy/{id}"))
            .await
            .problem(404, "not_found");
        rig.get(&key, &format!("/v1/streams/policy/{id}/state"))
            .await
            .problem(404, "not_found");
    }
    rig.get(&key, "/v1/views/policies/%FF")
        .await
        .problem(400, "bad_request");
    let request =
        Request::delete("/v1/commands/CreatePolicy").header("authorization", format!("Bearer {key}"));
    let refused = rig
        .send(request.body(Body::empty()).unwrap())
        .await
        .problem(405, "method_not_allowed");
    let mut allowed: Vec<_> = refused.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    rig.stop().await;
}

#[tokio::test]
async fn absurd_parameters() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let cases = [
        ("/v1/views/policies?limit=0", "limit"),
        ("/v1/views/policies?limit=501", "limit"),
        ("/v1/views/policies?limit=-1", "limit"),
        ("/v1/views/policies?after=-1", "after"),
        ("/v1/views/policies?after=99999999999999999999999", "after"),
        ("/v1/views/policies?colour=red", "colour"),
        ("/v1/views/policies?limit=1&limit=2", "limit"),
        ("/v1/views/policies?user_id=%00", "user_id"),
        ("/v1/views/policies/x?at=yesterday", "at"),
        ("/v1/views/policies/x?at=2020-13-01T00:00:00Z", "at"),
        ("/v1/views/policies/x?at=9223372036854775808", "at"),
        ("/v1/views/policies/x?at=1000000", "at"),
        ("/v1/events?limit=1001", "limit"),
        ("/v1/events?wait=61", "wait"),
        ("/v1/events?wait=soon", "wait"),
        ("/v1/events?types=Nothing", "types"),
        ("/v1/events?aggregate_type=fish", "aggregate_type"),
        ("/v1/events/stream?after=now", "after"),
        ("/v1/log/proof/inclusion", "position"),
        ("/v1/log/proof/inclusion?position=1&size=1000000", "size"),
    ];
    for (path, field) in cases {
        let problem = rig.get(&key, path).await.problem(400, "invalid_parameter");
        assert_eq!(problem.body["field"], field, "{path}: {}", problem.text);
    }
    rig.stop().await;
}

#[tokio::test]
async fn absurd_numbers_in_commands() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let grant = async |amount: Value| {
        rig.command(
            OPERATOR,
            "GrantCredits",
            json!({ "account_id": account.id, "amount_micro": amount }),
        )
        .await
    };
    for amount in [json!(-1), json!(1.5), json!("5"), json!(null), json!(1e300)] {
        grant(amount).await.problem(400, "invalid_command");
    }
    for amount in [json!(0), json!(u64::MAX)] {
        let answer = grant(amount.clone()).await;
        assert_eq!(answer.status, 422, "{amount}: {}", answer.text);
    }
    let huge = "{\"account_id\":\"a\",\"amount_micro\":".to_owned() + &"9".repeat(5000) + "}";
    let request = rig::post(OPERATOR, "/v1/commands/GrantCredits", &json!({}));
    let (parts, _) = request.into_parts();
    rig.send(Request::from_parts(parts, Body::from(huge)))
        .await
        .problem(400, "invalid_command");
    rig.stop().await;
}

#[tokio::test]
async fn text_of_any_unicode() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let texts = [
        "🐠 Clownfish",
        "Ελληνικά",
        "a\u{301}\u{200d}\u{fffd}",
        "\u{202e}txet",
        "日本語",
        "'; DROP TABLE events; --",
    ];
    for text in texts {
        let answer = rig
            .command(
                &key,
                "CreatePolicy",
                json!({ "name": text, "rules": format!("ALLOW: {text} x") }),
            )
            .await
            .ok();
        let read = rig
            .get(&key, &format!("/v1/views/policies/{}", answer.id()))
            .await
            .ok();
        assert_eq!(read.body["name"], text);
    }
    for text in ["\u{0}", "a\u{0}b", "\u{7}", ""] {
        let answer = rig
            .command(&key, "CreatePolicy", json!({ "name": text, "rules": "ALLOW: x" }))
            .await;
        assert!(matches!(answer.status, 400 | 422), "{text:?}: {}", answer.text);
    }
    rig.command(
        &key,
        "CreatePolicy",
        json!({ "name": "x", "rules": "ALLOW: \u{0}" }),
    )
    .await
    .problem(422, "rules_invalid");
    rig.stop().await;
}

#[tokio::test]
async fn headers_that_cannot_be_accepted() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let body = || json!({ "name": "a", "rules": "ALLOW: a" });
    let long = "k".repeat(256);
    for bad in ["", "two words", long.as_str()] {
        let problem = rig
            .command_with(&key, "CreatePolicy", body(), ("idempotency-key", bad))
            .await;
        assert_eq!(
            problem.problem(400, "invalid_parameter").body["field"],
            "Idempotency-Key"
        );
    }
    for authorization in [
        "",
        "Bearer",
        "Basic dXNlcjpwYXNz",
        "Bearer ",
        "Bearer wrong",
        "nonsense",
    ] {
        let mut request = rig::get("", "/v1/views");
        request
            .headers_mut()
            .insert("authorization", authorization.parse().unwrap());
        let refused = rig.send(request).await.problem(401, "unauthorized");
        assert!(refused.header("www-authenticate").starts_with("Bearer realm"));
    }
    let mut request = rig::get(&key, "/v1/views");
    request
        .headers_mut()
        .append("authorization", format!("Bearer {OPERATOR}").parse().unwrap());
    rig.send(request).await.problem(401, "unauthorized");
    rig.stop().await;
}
