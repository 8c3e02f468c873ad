//! 300 requests a minute.

use serde_json::json;

use super::{
    client::{Thermidora, is_envelope, request, server},
    covers,
};
use crate::rig::{Database, Reply, Rig};

async fn limited() -> Rig {
    server(Database::sqlite(), |config| config.rate_limit_per_minute = 6000).await
}

#[track_caller]
fn is_refused(reply: &Reply) {
    assert_eq!(reply.status, 429, "{}", reply.text);
    is_envelope(reply);
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn three_hundred_requests_a_minute_by_whatever_key() {
    covers(&["thermidora.x.5"]);
    let rig = limited().await;
    let ada = Thermidora::poor_account(&rig, "ada").await;
    let bob = Thermidora::poor_account(&rig, "bob").await;
    let second = ada
        .ok("create-api-key", &[], Some(json!({ "name": "second" })))
        .await;
    let second = ada.with_key(second["apiKey"].as_str().unwrap());
    for number in 1..300 {
        let account = if number % 2 == 0 { &ada } else { &second };
        account.ok("list-api-keys", &[], None).await;
    }
    for account in [&ada, &second] {
        is_refused(&account.call("list-api-keys", &[], None).await);
    }
    bob.ok("list-api-keys", &[], None).await;
    rig.stop().await;
}

#[tokio::test]
async fn guessing_keys_is_limited_by_address() {
    let rig = limited().await;
    for guess in 0..300 {
        let guess = format!("tc_live_{guess}");
        let reply = rig.send(request(&guess, "GET", "/auth/keys", None)).await;
        assert_eq!(reply.status, 401);
    }
    is_refused(&rig.send(request("", "GET", "/auth/keys", None)).await);
    rig.stop().await;
}
