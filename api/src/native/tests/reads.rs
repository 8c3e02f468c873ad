//! Documents, lists, streams, states, and how they were.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{OPERATOR, Rig, rig};

#[tokio::test]
async fn pages_are_newest_first_and_meet_without_gap_or_overlap() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(rig.policy(&key, &format!("policy {number}")).await);
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = rig
            .get(&key, &format!("/v1/views/policies?limit=3{after}"))
            .await
            .ok();
        assert_eq!(page.header("reef-position"), page.body["position"].to_string());
        seen.extend(
            page.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|doc| doc["id"].as_str().unwrap().to_owned()),
        );
        match page.body["next"].as_u64() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(seen, made);
    rig.stop().await;
}

#[tokio::test]
async fn lists_are_narrowed_by_parent_status_and_fields() {
    let rig = Rig::new().await;
    let account = rig.account("reef").await;
    let (other, _) = rig.key(&account.id, &["*"]).await;
    rig.command(&account.key, "RevokeApiKey", json!({ "key_id": other }))
        .await
        .ok();
    let ids = async |query: &str| {
        let page = rig
            .get(&account.key, &format!("/v1/views/api_keys?{query}"))
            .await
            .ok();
        let ids: BTreeSet<_> = page.body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|doc| doc["id"].clone().to_string())
            .collect();
        ids.len()
    };
    assert_eq!(ids("").await, 2);
    assert_eq!(ids("status=active").await, 1);
    assert_eq!(ids("status=revoked").await, 1);
    assert_eq!(ids(&format!("user_id={}", account.user)).await, 2);
    assert_eq!(ids("user_id=usr_absent").await, 0);
    assert_eq!(ids(&format!("account_id={}", account.id)).await, 2);
    let operator = rig
        .get(
            OPERATOR,
            &format!("/v1/views/accounts?owner_email={}", "reef@example.com"),
        )
        .await
        .ok();
    assert_eq!(operator.body["data"][0]["id"], account.id);
    rig.stop().await;
}

#[tokio::test]
async fn a_document_carries_its_tag_and_is_not_sent_twice() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let id = rig.policy(&key, "one").await;
    let path = format!("/v1/views/policies/{id}");
    let read = rig.get(&key, &path).await.ok();
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.header("content-type"), "application/json");
    let conditional = |tag: &str| {
        let mut request = rig::get(&key, &path);
        request
            .headers_mut()
            .insert("if-none-match", tag.parse().unwrap());
        request
    };
    let known = rig.send(conditional("\"1\"")).await;
    assert_eq!(
        (known.status, known.text.as_str(), known.header("etag")),
        (304, "", "\"1\"")
    );
    rig.command(&key, "UpdatePolicy", json!({ "policy_id": id, "name": "two" }))
        .await
        .ok();
    let changed = rig.send(conditional("\"1\"")).await.ok();
    assert_eq!(
        (changed.header("etag"), &changed.body["name"]),
        ("\"2\"", &json!("two"))
    );
    rig.stop().await;
}

#[tokio::test]
async fn the_past_is_read_by_position_and_by_time() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let id = rig.policy(&key, "one").await;
    for name in ["two", "three"] {
        rig.command(&key, "UpdatePolicy", json!({ "policy_id": id, "name": name }))
            .await
            .ok();
    }
    let stream = rig.get(&key, &format!("/v1/streams/policy/{id}")).await.ok();
    assert_eq!(stream.header("etag"), "\"3\"");
    let events = stream.body["data"].as_array().unwrap();
    let names = ["one", "two", "three"];
    for (event, name) in events.iter().zip(names) {
        let at = &event["position"];
        let then = rig
            .get(&key, &format!("/v1/views/policies/{id}?at={at}"))
            .await
            .ok();
        assert_eq!(then.body["name"], name);
        assert_eq!(then.header("etag"), format!("\"{}\"", event["sequence"]));
        assert_eq!(then.header("reef-position"), at.to_string());
        let state = rig
            .get(&key, &format!("/v1/streams/policy/{id}/state?at={at}"))
            .await
            .ok();
        assert_eq!(
            (&state.body["state"]["name"], &state.body["sequence"]),
            (&json!(name), &event["sequence"])
        );
    }
    // The last event recorded at or before a time counts; several may share one.
    let time: DateTime<Utc> = events[0]["time"].as_str().unwrap().parse().unwrap();
    let before = (time - chrono::TimeDelta::microseconds(1)).to_rfc3339();
    rig.get(&key, &format!("/v1/views/policies/{id}?at={before}"))
        .await
        .problem(404, "not_found");
    let now = Utc::now().to_rfc3339();
    let then = rig
        .get(&key, &format!("/v1/views/policies/{id}?at={now}"))
        .await
        .ok();
    assert_eq!(then.body["name"], "three");
    let first = events[0]["position"].as_u64().unwrap();
    rig.get(&key, &format!("/v1/views/policies/{id}?at={}", first - 1))
        .await
        .problem(404, "not_found");
    rig.get(&key, &format!("/v1/streams/policy/{id}/state?at={}", first - 1))
        .await
        .problem(404, "not_found");
    rig.stop().await;
}

#[tokio::test]
async fn a_removed_document_is_still_there_in_the_past() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let id = rig.policy(&key, "gone").await;
    let at = rig.state.0.head();
    rig.command(&key, "DeletePolicy", json!({ "policy_id": id }))
        .await
        .ok();
    rig.get(&key, &format!("/v1/views/policies/{id}"))
        .await
        .problem(404, "not_found");
    let then = rig
        .get(&key, &format!("/v1/views/policies/{id}?at={at}"))
        .await
        .ok();
    assert_eq!(then.body["name"], "gone");
    rig.stop().await;
}

#[tokio::test]
async fn streams_are_paged_by_sequence() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let id = rig.policy(&key, "0").await;
    for number in 1..5 {
        rig.command(
            &key,
            "UpdatePolicy",
            json!({ "policy_id": id, "name": number.to_string() }),
        )
        .await
        .ok();
    }
    let sequences = async |query: &str| {
        let page = rig
            .get(&key, &format!("/v1/streams/policy/{id}?{query}"))
            .await
            .ok()
            .body;
        let all: Vec<_> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["sequence"].as_u64().unwrap())
            .collect();
        (all, page["next"].as_u64())
    };
    assert_eq!(sequences("limit=2").await, (vec![1, 2], Some(2)));
    assert_eq!(sequences("limit=2&after=2").await, (vec![3, 4], Some(4)));
    assert_eq!(sequences("limit=2&after=4").await, (vec![5], None));
    assert_eq!(sequences("after=5").await, (vec![], None));
    rig.stop().await;
}

#[tokio::test]
async fn views_tell_what_they_can_be_asked() {
    let rig = Rig::new().await;
    let key = rig.account("reef").await.key;
    let names = async |key: &str| {
        let listed = rig.get(key, "/v1/views").await.ok().body;
        listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|view| view["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = reef_projections::views::all()
        .iter()
        .map(|view| view.name().to_owned())
        .collect();
    assert_eq!(names(OPERATOR).await, all);
    let shown: Vec<_> = all
        .into_iter()
        .filter(|name| name != "credentials" && name != "timers")
        .collect();
    assert_eq!(names(&key).await, shown);
    rig.stop().await;
}

#[tokio::test]
async fn catalogue_data_is_everybodys() {
    let rig = Rig::new().await;
    reef_commands::template::seed::seed(&rig.bus).await.unwrap();
    let key = rig.account("reef").await.key;
    let listed = rig.get(&key, "/v1/views/templates").await.ok().body;
    let id = listed["data"][0]["id"].as_str().expect("a template").to_owned();
    rig.get(&key, &format!("/v1/views/templates/{id}")).await.ok();
    rig.stop().await;
}
