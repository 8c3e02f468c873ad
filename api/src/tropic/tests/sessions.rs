//! Session tokens of an issuer outside, and payments.

use serde_json::{Value, json};

use super::{
    client::{CONTRACT, Tropic, is_envelope, request, server_among},
    covers,
};
use crate::rig::{
    Database, Reply, Rig,
    outside::{self, SIGNATURE},
};

/// Somebody with a session token; the account is opened with the first request.
fn session<'a>(rig: &'a Rig, subject: &str) -> Tropic<'a> {
    Tropic::stranger(rig, subject, &outside::token(subject))
}

#[tokio::test]
async fn a_session_and_a_key_are_equally_good_everywhere() {
    let (gateways, _) = outside::gateways();
    let rig = server_among(gateways, Database::sqlite(), |_| {}).await;
    let ada = session(&rig, "user_2abc");
    let policy = ada
        .ok(
            "create-policy",
            &[],
            Some(json!({ "name": "a", "rules": "ALLOW: a" })),
        )
        .await;
    assert_eq!(policy["userId"], "user_2abc");
    covers(&["tropic.x.2"]);
    let key = ada.ok("create-api-key", &[], None).await;
    let by_key = ada.with_key(key["key"].as_str().unwrap());
    for endpoint in CONTRACT.endpoints() {
        let mut statuses = Vec::new();
        for user in [&ada, &by_key] {
            let body = (endpoint.method() != "GET").then(|| json!({ "?": 0 }));
            let path = user.path(endpoint, &["id_absent"]);
            statuses.push(user.send(endpoint.method(), &path, body).await.status);
        }
        if endpoint.id() == "download-ssh-key" || endpoint.id() == "start-vm" {
            continue;
        }
        assert_eq!(statuses[0], statuses[1], "{}", endpoint.id());
        assert_ne!(statuses[0], 401, "{}", endpoint.id());
    }
    for wrong in ["head.user_2abc.forged", "a.b.c", "head..signed."] {
        let reply = rig.send(request(wrong, "GET", "/policies", None)).await;
        assert_eq!(reply.status, 401, "{wrong}: {}", reply.text);
        is_envelope(&reply);
    }
    let bob = session(&rig, "user_2def");
    assert_eq!(bob.ok("list-policies", &[], None).await, json!([]));
    bob.fails("get-policy", &[policy["id"].as_str().unwrap()], None, 403)
        .await;
    rig.stop().await;
}

/// The provider delivers an event.
async fn deliver(rig: &Rig, event: &Value, signature: &str) -> Reply {
    let mut request = request("", "POST", "/credits/webhook", Some(event.clone()));
    request
        .headers_mut()
        .insert("stripe-signature", signature.parse().unwrap());
    rig.send(request).await
}

#[tokio::test]
async fn credits_are_bought_once_per_checkout() {
    let (gateways, shop) = outside::gateways();
    let rig = server_among(gateways, Database::sqlite(), |_| {}).await;
    let (ada, bob) = (
        Tropic::poor_user(&rig, "ada").await,
        Tropic::poor_user(&rig, "bob").await,
    );
    covers(&[
        "tropic.create-checkout-session.1",
        "tropic.create-checkout-session.2",
    ]);
    let order = CONTRACT.endpoint("create-checkout-session").sample().clone();
    let page = ada.ok("create-checkout-session", &[], Some(order.clone())).await;
    let ordered = shop.0.lock()[0].clone();
    assert_eq!(
        page["url"],
        format!("https://shop.test/pay/{}", ordered.checkout_id)
    );
    assert_eq!((ordered.credits, ordered.amount_cents), (1000, 2500));
    assert_eq!(ordered.success_url, order["successUrl"]);
    assert_eq!(ada.ok("get-balance", &[], None).await["balance"], 0);
    assert_eq!(ada.ok("list-transactions", &[], None).await, json!([]));

    covers(&[
        "tropic.create-checkout-session.3",
        "tropic.create-checkout-session.4",
    ]);
    assert_eq!(ordered.user_id.as_str(), ada.user);
    let event = json!({ "id": "evt_1", "paid": ordered.checkout_id.as_str() });
    let forged = deliver(&rig, &event, "another hand").await;
    assert_eq!(forged.status, 400, "{}", forged.text);
    is_envelope(&forged);
    assert_eq!(ada.ok("get-balance", &[], None).await["balance"], 0);
    for _ in 0..3 {
        let taken = deliver(&rig, &event, SIGNATURE).await.ok();
        assert_eq!(taken.body, json!({ "received": true }));
    }
    let again = json!({ "id": "evt_2", "paid": ordered.checkout_id.as_str() });
    deliver(&rig, &again, SIGNATURE).await.ok();
    for other in [
        json!({ "id": "evt_3", "paid": "chk_absent" }),
        json!({ "id": "evt_4", "kind": "refund" }),
    ] {
        deliver(&rig, &other, SIGNATURE).await.ok();
    }
    assert_eq!(ada.ok("get-balance", &[], None).await["balance"], 1000);
    assert_eq!(bob.ok("get-balance", &[], None).await["balance"], 0);

    covers(&["tropic.list-transactions.4", "tropic.list-transactions.5"]);
    let rows = ada.ok("list-transactions", &[], None).await;
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(
        (&rows[0]["amount"], &rows[0]["type"]),
        (&json!(1000), &json!("purchase"))
    );
    assert_eq!(rows[0]["description"], "1000 credits ($25.00)");
    rig.stop().await;
}
