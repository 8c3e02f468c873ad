//! Who may use what: every operation against everybody, as one golden table.

use std::fmt::Write as _;

use super::client::{CONTRACT, Tropic, id, is_envelope, request, server};
use crate::rig::{Database, OPERATOR};

#[tokio::test]
async fn every_operation_lets_in_whom_it_should() {
    let rig = server(Database::sqlite(), |_| {}).await;
    let (ada, bob) = (Tropic::user(&rig, "ada").await, Tropic::user(&rig, "bob").await);
    let revoked = ada.ok("create-api-key", &[], None).await;
    ada.ok("revoke-api-key", &[&id(&revoked)], None).await;
    let revoked = revoked["key"].as_str().unwrap();
    let native = rig.account("native").await;
    let policy = ada.policy("ALLOW: read").await;
    let agent = ada.agent("Clownfish", Some(&policy)).await;
    let task = ada.task(&agent, "read").await;
    let key = id(&ada.ok("create-api-key", &[], None).await);
    let path = |endpoint: crate::contract::Endpoint<'_>| {
        let path = endpoint.path();
        let first = match path.split('/').nth(1) {
            Some("policies") => &*policy,
            Some("agents") => &*agent,
            Some("agent-tasks") => &*task,
            Some("api-keys") => &*key,
            Some("templates") => "web-research",
            _ => "id_1",
        };
        ada.path(endpoint, &[first])
    };
    let callers = [
        ("nobody", ""),
        ("another user", &*bob.key),
        ("revoked key", revoked),
        ("another dialect", &*native.key),
        ("the operator", OPERATOR),
        ("own key", &*ada.key),
    ];
    let mut table = String::from("operation");
    for (name, _) in callers {
        write!(table, " | {name}").unwrap();
    }
    let mut endpoints: Vec<_> = CONTRACT.endpoints().collect();
    // What removes the things that others are about comes last.
    endpoints.sort_by_key(|endpoint| endpoint.method() == "DELETE");
    endpoints.sort_by_key(|endpoint| matches!(endpoint.id(), "delete-agent" | "delete-policy"));
    for endpoint in endpoints {
        write!(table, "\n{} {}", endpoint.method(), endpoint.path()).unwrap();
        for (_, key) in callers {
            // The documented sample; some that are let in name what there is not.
            let body = endpoint.sample();
            let body = (!body.is_null()).then(|| body.clone());
            let reply = rig
                .send(request(key, endpoint.method(), &path(endpoint), body))
                .await;
            write!(table, " | {}", reply.status).unwrap();
            if reply.status >= 400 {
                is_envelope(&reply);
            }
        }
    }
    insta::assert_snapshot!(table);
    rig.stop().await;
}
