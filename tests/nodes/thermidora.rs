//! Thermidora on two nodes: a credential works on both or on none, and what is used on one is used on the other.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Client, Database, LONG, Server, Setup, wait_until},
    two_nodes,
};

async fn ask(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    let request = client.request(method, &format!("/thermidora/v1{path}"));
    let request = if body.is_null() {
        request
    } else {
        request.json(&body)
    };
    client.send(request).await.expect("an answer")
}

/// An account that somebody registered by themselves; its token.
async fn registered(node: &Server, name: &str) -> String {
    let invite = node.operator().command("IssueInviteCode", json!({})).await.ok();
    let body = json!({
        "name": name,
        "email": format!("{name}@example.com"),
        "inviteCode": invite.body["result"]["code"],
    });
    let made = ask(&node.client(None), Method::POST, "/auth/register", body)
        .await
        .ok();
    made.body["token"].as_str().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_on_both_at_once() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    // "thermidora.x.1", "thermidora.x.2"
    let token = registered(&first, "ada").await;
    // The token of one node is known to the other.
    let there = second.client(Some(&token));
    ask(&there, Method::GET, "/auth/me", Value::Null).await.ok();
    let here = first.client(Some(&token));
    for number in 0..10 {
        let named = json!({ "name": format!("key-{number}") });
        let made = ask(&here, Method::POST, "/auth/keys", named).await.ok().body;
        let key = made["apiKey"].as_str().expect("shown once");
        ask(&second.client(Some(key)), Method::GET, "/auth/me", Value::Null)
            .await
            .ok();
        let path = format!("/auth/keys/{}", made["keyId"].as_str().expect("an id"));
        ask(&there, Method::DELETE, &path, Value::Null).await.ok();
        for node in [&first, &second] {
            let refused = ask(&node.client(Some(key)), Method::GET, "/auth/me", Value::Null).await;
            assert_eq!(refused.status, 401, "{}", refused.text);
            assert_eq!(refused.body["error"]["code"], "unauthorized");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_code_is_used_on_both_at_once() {
    let Some((first, second)) = two_nodes().await else {
        return;
    };
    // "thermidora.register.5"
    let invite = first
        .operator()
        .command("IssueInviteCode", json!({ "uses": 3 }))
        .await
        .ok();
    let code = &invite.body["result"]["code"];
    let register = async |number: usize| {
        let node = if number.is_multiple_of(2) { &first } else { &second };
        let email = format!("u{number}@example.com");
        let body = json!({ "name": "u", "email": email, "inviteCode": code });
        ask(&node.client(None), Method::POST, "/auth/register", body)
            .await
            .status
    };
    let mut statuses = futures::future::join_all((0..10).map(register)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_code_used_on_one_is_used_on_the_other() {
    // "thermidora.verify-otp.2"
    let Some(database) = Database::postgres() else {
        return;
    };
    let node = async |name: &str| {
        let setup = Setup::named(&database, name).with("REEF_LOG_LOGIN_CODES", "true");
        setup.start().await
    };
    let (first, second) = (node("node-a").await, node("node-b").await);
    registered(&first, "ada").await;
    for number in 1..4 {
        let login = json!({ "email": "ada@example.com" });
        ask(&second.client(None), Method::POST, "/auth/login", login)
            .await
            .ok();
        // One of the two sends what there is to send.
        let code = wait_until("a code is sent", LONG, async || {
            let said = first.said() + &second.said();
            let codes: Vec<_> = said.split("Your login code is ").skip(1).collect();
            (codes.len() == number).then(|| codes.last().map(|rest| rest[..6].to_owned()))?
        })
        .await;
        let verify = || json!({ "email": "ada@example.com", "code": code });
        let (one, other) = (first.client(None), second.client(None));
        let (one, other) = tokio::join!(
            ask(&one, Method::POST, "/auth/verify", verify()),
            ask(&other, Method::POST, "/auth/verify", verify())
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "one of the two signs in");
    }
}
