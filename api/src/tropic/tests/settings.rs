//! Settings.

use std::net::SocketAddr;

use serde_json::json;

use super::{
    client::{Tropic, request},
    covers, on_both_databases,
};
use crate::{client::Peer, rig::Rig};

on_both_databases!(
    bundles_are_replaced,
    firewall_rules_are_replaced,
    the_callers_address_is_told,
    another_users_settings_are_forbidden
);

async fn bundles_are_replaced(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.get-command-bundles.2"]);
    assert_eq!(
        ada.ok("get-command-bundles", &[], None).await,
        json!({ "bundles": [] })
    );

    covers(&["tropic.update-command-bundles.4", "tropic.get-command-bundles.1"]);
    let body = json!({ "bundles": ["os-commands", "browser-search", "os-commands"] });
    let set = ada.ok("update-command-bundles", &[], Some(body)).await;
    assert_eq!(set, json!({ "bundles": ["browser-search", "os-commands"] }));
    assert_eq!(ada.ok("get-command-bundles", &[], None).await, set);

    covers(&["tropic.update-command-bundles.5"]);
    for bad in [
        json!({ "bundles": ["browser-search", "teleport"] }),
        json!({ "bundles": "browser-search" }),
        json!({ "bundles": null }),
        json!({ "bundles": [1] }),
        json!({}),
    ] {
        ada.fails("update-command-bundles", &[], Some(bad), 400).await;
    }
    assert_eq!(ada.ok("get-command-bundles", &[], None).await, set);

    covers(&["tropic.update-command-bundles.1"]);
    let body = json!({ "bundles": ["code-execution"] });
    assert_eq!(
        ada.ok("update-command-bundles", &[], Some(body.clone())).await,
        body
    );
    let none = json!({ "bundles": [] });
    assert_eq!(
        ada.ok("update-command-bundles", &[], Some(none.clone())).await,
        none
    );
    assert_eq!(ada.ok("get-command-bundles", &[], None).await, none);
}

async fn firewall_rules_are_replaced(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.get-firewall-rules.2", "tropic.get-firewall-rules.3"]);
    let closed = json!({ "rules": { "22": [], "80": [], "443": [], "18789": [] } });
    assert_eq!(ada.ok("get-firewall-rules", &[], None).await, closed);

    covers(&[
        "tropic.get-firewall-rules.1",
        "tropic.update-firewall-rules.1",
        "tropic.update-firewall-rules.2",
    ]);
    covers(&["tropic.update-firewall-rules.4"]);
    let body = json!({ "rules": { "22": ["203.0.113.45/32"], "8080": ["2001:db8::/32", "0.0.0.0/0"] } });
    assert_eq!(
        ada.ok("update-firewall-rules", &[], Some(body)).await,
        json!({ "success": true })
    );
    let mut shown = closed.clone();
    shown["rules"]["22"] = json!(["203.0.113.45/32"]);
    shown["rules"]["8080"] = json!(["2001:db8::/32", "0.0.0.0/0"]);
    assert_eq!(ada.ok("get-firewall-rules", &[], None).await, shown);

    covers(&["tropic.update-firewall-rules.5"]);
    for bad in [
        json!({ "rules": { "0": [] } }),
        json!({ "rules": { "65536": [] } }),
        json!({ "rules": { "ssh": [] } }),
        json!({ "rules": { "22": ["1.2.3.4"] } }),
        json!({ "rules": { "22": ["1.2.3.4/33"], "80": ["0.0.0.0/0"] } }),
        json!({ "rules": { "22": "0.0.0.0/0" } }),
        json!({ "rules": [] }),
        json!({}),
    ] {
        ada.fails("update-firewall-rules", &[], Some(bad), 400).await;
    }
    assert_eq!(ada.ok("get-firewall-rules", &[], None).await, shown);
    let none = json!({ "rules": {} });
    ada.ok("update-firewall-rules", &[], Some(none)).await;
    assert_eq!(ada.ok("get-firewall-rules", &[], None).await, closed);
}

async fn the_callers_address_is_told(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let path = format!("/settings/{}/current-ip", ada.user);
    let ask = async |peer: &str, forwarded: Option<&str>| {
        let mut request = request(&ada.key, "GET", &path, None);
        request
            .extensions_mut()
            .insert(Peer(peer.parse::<SocketAddr>().unwrap()));
        if let Some(forwarded) = forwarded {
            request
                .headers_mut()
                .insert("x-forwarded-for", forwarded.parse().unwrap());
        }
        rig.send(request).await.ok().body
    };
    ada.ok("get-current-ip", &[], None).await;
    covers(&["tropic.get-current-ip.1", "tropic.get-current-ip.2"]);
    assert_eq!(
        ask("203.0.113.45:4000", None).await,
        json!({ "ip": "203.0.113.45" })
    );
    assert_eq!(
        ask("[::ffff:203.0.113.45]:4000", None).await["ip"],
        "203.0.113.45"
    );
    assert_eq!(
        ask("203.0.113.45:4000", Some("198.51.100.7")).await["ip"],
        "203.0.113.45"
    );
    assert_eq!(
        ask("192.0.2.1:4000", Some("198.51.100.7")).await["ip"],
        "198.51.100.7"
    );
    assert_eq!(
        ask("192.0.2.1:4000", Some("10.0.0.1, 198.51.100.7, 192.0.2.1")).await["ip"],
        "198.51.100.7"
    );
}

async fn another_users_settings_are_forbidden(rig: &Rig) {
    let (ada, bob) = (Tropic::user(rig, "ada").await, Tropic::user(rig, "bob").await);
    let endpoints: Vec<_> = super::client::CONTRACT
        .endpoints()
        .filter(|endpoint| endpoint.path().contains(":userId"))
        .collect();
    assert_eq!(endpoints.len(), 18);
    let absent = Tropic {
        user: "user_absent".to_owned(),
        ..bob.clone()
    };
    for endpoint in endpoints {
        for user in [&ada, &absent] {
            let body = (endpoint.method() != "GET").then(|| endpoint.sample().clone());
            let path = user.path(endpoint, &["inst_1"]);
            let reply = bob.send(endpoint.method(), &path, body).await;
            assert_eq!(reply.status, 403, "{}: {}", endpoint.id(), reply.text);
        }
    }
}
