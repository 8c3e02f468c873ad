//! Who may use what: every route against everybody, as one golden table.
//!
//! Commands get a body that none of them takes: 400 means that the caller was let through.

use std::fmt::Write as _;

use serde_json::json;

use super::{OPERATOR, Rig, rig};
use crate::native::openapi::Route;

/// One thing of the account to read per view; what is not here does not exist.
struct World {
    own: Vec<(&'static str, String)>,
    policy: String,
}

impl World {
    fn path(&self, route: &Route) -> String {
        let of_view = |view: &str| {
            self.own
                .iter()
                .find(|(name, _)| *name == view)
                .map_or("none", |(_, id)| id)
        };
        let view = route
            .path
            .strip_prefix("/v1/views/")
            .and_then(|rest| rest.strip_suffix("/{id}"));
        if let Some(view) = view {
            return format!("/v1/views/{view}/{}", of_view(view));
        }
        route
            .path
            .replace("{type}", "policy")
            .replace("{id}", &self.policy)
            .replace("{name}", "CreatePolicy")
            .replace("{view}", "policies")
    }
}

fn request(route: &Route, path: &str, key: Option<&str>) -> axum::http::Request<axum::body::Body> {
    let query = match route.id.as_str() {
        "proveInclusion" => "?position=1",
        "proveConsistency" => "?from=1",
        _ => "",
    };
    let path = format!("{path}{query}");
    let mut request = match route.method {
        "post" => rig::post("", &path, &json!({ "?": 0 })),
        _ => rig::get("", &path),
    };
    match key {
        Some(key) => request
            .headers_mut()
            .insert("authorization", format!("Bearer {key}").parse().unwrap()),
        None => request.headers_mut().remove("authorization"),
    };
    request
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let other = rig.account("other").await;
    let (revoked_id, revoked) = rig.key(&account.id, &["*"]).await;
    rig.command(OPERATOR, "RevokeApiKey", json!({ "key_id": revoked_id }))
        .await
        .ok();
    let (_, narrow) = rig.key(&account.id, &["nothing:read"]).await;
    let policy = rig.policy(&account.key, "rules").await;
    let own = vec![
        ("accounts", account.id.clone()),
        ("api_keys", account.key_id.clone()),
        ("credentials", reef_commands::digest_key(&account.key)),
        ("ledgers", account.id.clone()),
        ("policies", policy.clone()),
    ];
    let world = World { own, policy };
    let callers = [
        ("nobody", None),
        ("revoked", Some(revoked.as_str())),
        ("no scope", Some(narrow.as_str())),
        ("other", Some(other.key.as_str())),
        ("member", Some(account.key.as_str())),
        ("operator", Some(OPERATOR)),
    ];
    let mut table = String::from("route");
    for (name, _) in callers {
        write!(table, " | {name}").unwrap();
    }
    for route in &rig.state.0.openapi.routes {
        write!(table, "\n{} {}", route.method.to_uppercase(), route.path).unwrap();
        for (_, key) in callers {
            let (status, body) = rig.open(request(route, &world.path(route), key)).await;
            drop(body);
            write!(table, " | {status}").unwrap();
            let shown = if status < 400 { 200 } else { status };
            assert!(
                shown == 200 || route.statuses().contains(&shown),
                "{} does not declare {status}",
                route.path
            );
        }
    }
    insta::assert_snapshot!(table);
    rig.stop().await;
}

#[tokio::test]
async fn a_revoked_key_fails_at_once() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    rig.get(&account.key, "/v1/views/policies").await.ok();
    rig.command(&account.key, "RevokeApiKey", json!({ "key_id": account.key_id }))
        .await
        .ok();
    let refused = rig
        .get(&account.key, "/v1/views/policies")
        .await
        .problem(401, "unauthorized");
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer realm=\"reef\", error=\"invalid_token\""
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_suspended_account_is_refused_until_it_is_reinstated() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let named = json!({ "account_id": account.id });
    rig.command(
        OPERATOR,
        "SuspendAccount",
        json!({ "account_id": account.id, "reason": "unpaid" }),
    )
    .await
    .ok();
    rig.get(&account.key, "/v1/views/policies")
        .await
        .problem(403, "account_suspended");
    rig.command(OPERATOR, "ReinstateAccount", named.clone())
        .await
        .ok();
    rig.get(&account.key, "/v1/views/policies").await.ok();
    rig.command(OPERATOR, "CloseAccount", named).await.ok();
    rig.get(&account.key, "/v1/views/policies")
        .await
        .problem(403, "account_closed");
    rig.stop().await;
}

#[tokio::test]
async fn what_is_anothers_looks_as_if_it_were_not_there() {
    let rig = Rig::new().await;
    let (mine, theirs) = (rig.account("mine").await, rig.account("theirs").await);
    let policy = rig.policy(&theirs.key, "theirs").await;
    for path in [
        format!("/v1/views/policies/{policy}"),
        format!("/v1/views/policies/{policy}?at=1000000"),
        format!("/v1/streams/policy/{policy}"),
        format!("/v1/streams/policy/{policy}/state"),
    ] {
        let path = path.replace("1000000", &rig.state.0.head().to_string());
        let foreign = rig.get(&mine.key, &path).await.problem(404, "not_found");
        let absent = rig
            .get(&mine.key, &path.replace(&policy, "pol_absent"))
            .await
            .problem(404, "not_found");
        assert_eq!(
            foreign.body["detail"]
                .as_str()
                .unwrap()
                .replace(&policy, "pol_absent"),
            absent.body["detail"],
            "{path}"
        );
        rig.get(&theirs.key, &path).await.ok();
    }
    let listed = rig.get(&mine.key, "/v1/views/policies").await.ok();
    assert_eq!(listed.body["data"], json!([]));
    let body = json!({ "policy_id": policy, "name": "mine now" });
    rig.command(&mine.key, "UpdatePolicy", body)
        .await
        .problem(404, "not_found");
    rig.get(&mine.key, &format!("/v1/events?account_id={}", theirs.id))
        .await
        .problem(403, "forbidden");
    rig.stop().await;
}
