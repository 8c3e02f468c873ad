//! Registering with an invite code, tokens, and who one is.

use serde_json::{Value, json};

use super::{
    client::{Thermidora, server},
    covers, on_both_databases,
};
use crate::rig::{Database, OPERATOR, Rig};

on_both_databases!(
    an_invite_code_opens_an_account,
    an_e_mail_registers_once,
    what_is_missing_or_wrong_registers_nobody,
    everybody_is_told_who_they_are,
    a_token_works_while_the_account_is_in_use
);

/// A new invite code.
async fn invite(rig: &Rig, uses: u32) -> String {
    let issued = rig
        .command(OPERATOR, "IssueInviteCode", json!({ "uses": uses }))
        .await
        .ok();
    issued.body["result"]["code"].as_str().unwrap().to_owned()
}

fn register(name: &str, code: &str) -> Value {
    json!({ "name": name, "email": format!("{name}@example.com"), "inviteCode": code })
}

fn text<'v>(answer: &'v Value, field: &str) -> &'v str {
    answer[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field}: {answer}"))
}

async fn an_invite_code_opens_an_account(rig: &Rig) {
    let nobody = Thermidora::nobody(rig);
    let code = invite(rig, 1).await;

    covers(&["thermidora.register.1", "thermidora.register.3"]);
    let ada = nobody.ok("register", &[], Some(register("ada", &code))).await;
    assert!(text(&ada, "accountId").starts_with("acc_"));
    assert_eq!(
        (text(&ada, "email"), text(&ada, "name")),
        ("ada@example.com", "ada")
    );
    let token = text(&ada, "token");
    assert!(token.starts_with("eyJ"));
    let me = nobody.with_key(token).ok("get-me", &[], None).await;
    assert_eq!(me["accountId"], ada["accountId"]);

    covers(&["thermidora.register.2", "thermidora.register.5"]);
    for used in [&*code, "invite_made_up", ""] {
        let message = nobody
            .fails("register", &[], Some(register("bob", used)), 400)
            .await;
        assert!(message.contains("invite code"), "{message}");
    }
    let twice = invite(rig, 2).await;
    for name in ["bob", "cleo"] {
        nobody.ok("register", &[], Some(register(name, &twice))).await;
    }
    nobody
        .fails("register", &[], Some(register("dora", &twice)), 400)
        .await;
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(!log.text.contains(&code) && log.text.contains("InviteCodeRedeemed"));
    let own = rig.get(token, "/v1/events?limit=1000").await.ok();
    assert!(
        !own.text.contains("InviteCode"),
        "codes are the operator's business"
    );
}

async fn an_e_mail_registers_once(rig: &Rig) {
    covers(&["thermidora.register.4"]);
    let nobody = Thermidora::nobody(rig);
    let code = invite(rig, 3).await;
    nobody.ok("register", &[], Some(register("ada", &code))).await;
    for again in ["ada@example.com", "ADA@Example.COM", " ada@example.com "] {
        let body = json!({ "name": "Ada", "email": again, "inviteCode": code });
        nobody.fails("register", &[], Some(body), 409).await;
    }
    // Two at once: one is there first.
    let bodies = ["Bob@example.com", "bob@example.com"]
        .map(|email| json!({ "name": "Bob", "email": email, "inviteCode": code }));
    let [one, other] = bodies.map(|body| nobody.call("register", &[], Some(body)));
    let (one, other) = tokio::join!(one, other);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    // Who was refused used nothing up.
    nobody.ok("register", &[], Some(register("cleo", &code))).await;
}

async fn what_is_missing_or_wrong_registers_nobody(rig: &Rig) {
    let nobody = Thermidora::nobody(rig);
    let code = invite(rig, 1).await;
    let long = "x".repeat(101);
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!(long)),
        ("name", json!("a\u{0}b")),
        ("name", Value::Null),
        ("email", json!("nobody")),
        ("email", json!("a b@example.com")),
        ("email", json!(5)),
        ("inviteCode", Value::Null),
    ] {
        let mut body = register("ada", &code);
        body[field] = value;
        nobody.fails("register", &[], Some(body.clone()), 400).await;
        body.as_object_mut().unwrap().remove(field);
        nobody.fails("register", &[], Some(body), 400).await;
    }
    nobody.ok("register", &[], Some(register("ada", &code))).await;
}

async fn everybody_is_told_who_they_are(rig: &Rig) {
    covers(&["thermidora.get-me.1", "thermidora.get-me.2"]);
    let nobody = Thermidora::nobody(rig);
    let code = invite(rig, 1).await;
    let registered = nobody.ok("register", &[], Some(register("ada", &code))).await;
    let by_token = nobody.with_key(text(&registered, "token"));
    let named = json!({ "name": "mine" });
    let key = by_token.ok("create-api-key", &[], Some(named)).await;
    let by_key = nobody.with_key(text(&key, "apiKey"));
    let me = by_token.ok("get-me", &[], None).await;
    let id = text(&registered, "accountId");
    let expected = json!({ "accountId": id, "email": "ada@example.com", "name": "ada", "balanceUsd": 0.0 });
    assert_eq!(me, expected);
    assert_eq!(by_key.ok("get-me", &[], None).await, expected);
    let dollars = json!({ "account_id": id, "amount_micro": 50_250_000 });
    rig.command(OPERATOR, "GrantCredits", dollars).await.ok();
    assert_eq!(by_key.ok("get-me", &[], None).await["balanceUsd"], 50.25);
}

async fn a_token_works_while_the_account_is_in_use(rig: &Rig) {
    let nobody = Thermidora::nobody(rig);
    let code = invite(rig, 1).await;
    let registered = nobody.ok("register", &[], Some(register("ada", &code))).await;
    let id = json!({ "account_id": registered["accountId"] });
    let ada = nobody.with_key(text(&registered, "token"));
    let native = rig.get(&ada.key, "/v1/views/api_keys").await;
    assert_eq!(
        native.status, 200,
        "the account's own part of the native API: {}",
        native.text
    );
    let tropic = rig.get(&ada.key, "/tropic/api/policies").await;
    assert_eq!(tropic.status, 401, "and of no other dialect");
    for (command, status) in [
        ("SuspendAccount", 401),
        ("ReinstateAccount", 200),
        ("CloseAccount", 401),
    ] {
        rig.command(OPERATOR, command, id.clone()).await.ok();
        assert_eq!(ada.call("get-me", &[], None).await.status, status, "{command}");
    }
}

#[tokio::test]
async fn the_starting_balance_is_configured() {
    covers(&["thermidora.register.6"]);
    let rig = server(Database::sqlite(), |config| {
        config.thermidora_balance_micro = 5_500_000;
    })
    .await;
    let nobody = Thermidora::nobody(&rig);
    let code = invite(&rig, 1).await;
    let registered = nobody.ok("register", &[], Some(register("ada", &code))).await;
    let ada = nobody.with_key(text(&registered, "token"));
    assert_eq!(ada.ok("get-me", &[], None).await["balanceUsd"], 5.5);
    rig.stop().await;
}
