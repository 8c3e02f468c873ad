//! Who may use what: every operation against everybody, as one golden table.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    client::{CONTRACT, Thermidora, is_envelope, path, request, server},
    covers,
};
use crate::{
    contract::Endpoint,
    rig::{Database, OPERATOR},
};

/// What an account has that others must not get at.
struct Things {
    instance: String,
    agent: String,
    webhook: String,
}

impl Things {
    async fn of(account: &Thermidora<'_>) -> Self {
        let instance = account
            .ok("create-instance", &[], Some(json!({ "name": "mine" })))
            .await;
        let instance = instance["instanceId"].as_str().unwrap().to_owned();
        account
            .becomes("get-instance", &[&instance], "status", "running")
            .await;
        let agent = json!({ "name": "a", "slug": "support-bot", "displayName": "A" });
        let agent = account.ok("create-agent", &[&instance], Some(agent)).await;
        let webhook = json!({ "url": "https://93.184.216.34/hook", "events": ["*"] });
        let webhook = account.ok("create-webhook", &[], Some(webhook)).await;
        if served("install-skill") {
            let skill = json!({ "name": "weather", "type": "built-in" });
            account.ok("install-skill", &[&instance], Some(skill)).await;
        }
        if served("store-secrets") {
            let secrets = json!({ "secrets": { "TOKEN": "s3cr3t" } });
            account.ok("store-secrets", &[&instance], Some(secrets)).await;
        }
        Self {
            instance,
            agent: agent["agentId"].as_str().unwrap().to_owned(),
            webhook: webhook["webhookId"].as_str().unwrap().to_owned(),
        }
    }

    fn path(&self, endpoint: Endpoint<'_>) -> String {
        let args: Vec<&str> = endpoint
            .path()
            .split('/')
            .filter_map(|step| match step.strip_prefix(':')? {
                "instanceId" => Some(&*self.instance),
                "agentId" => Some(&*self.agent),
                "webhookId" => Some(&*self.webhook),
                "name" => Some("weather"),
                "key" => Some("TOKEN"),
                other => panic!("{other} is not known"),
            })
            .collect();
        path(endpoint, &args)
    }
}

/// Whether a route serves the endpoint.
fn served(endpoint: &str) -> bool {
    let api = crate::thermidora::api();
    api.routes().iter().any(|route| route.id == endpoint)
}

/// A body that is taken, where the contract has no sample of one.
fn body(endpoint: Endpoint<'_>) -> Option<Value> {
    let sample = endpoint.sample();
    match endpoint.id() {
        "create-instance" | "create-api-key" => Some(json!({ "name": "another" })),
        "create-agent" => Some(json!({ "name": "b", "slug": "other-bot", "displayName": "B" })),
        "update-agent" => Some(json!({ "displayName": "C" })),
        "send-message" => Some(json!({ "message": "hello" })),
        "create-webhook" => Some(json!({ "url": "https://93.184.216.34/hook", "events": ["*"] })),
        "install-skill" => Some(json!({ "name": "notes", "files": { "SKILL.md": "# Notes" } })),
        _ => (!sample.is_null()).then(|| sample.clone()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_lets_in_whom_it_should() {
    covers(&["thermidora.x.2", "thermidora.x.3"]);
    let rig = server(Database::sqlite(), |_| {}).await;
    let ada = Thermidora::account(&rig, "ada").await;
    let bob = Thermidora::account(&rig, "bob").await;
    let named = Some(json!({ "name": "old" }));
    let revoked = ada.ok("create-api-key", &[], named).await;
    let id = revoked["keyId"].as_str().unwrap();
    ada.ok("revoke-api-key", &[id], None).await;
    let native = rig.account("native").await;
    let things = Things::of(&ada).await;
    // Whoever is let in comes last, and what removes comes after all else.
    let callers = [
        ("nobody", ""),
        ("another account", &*bob.key),
        ("revoked key", revoked["apiKey"].as_str().unwrap()),
        ("another dialect", &*native.key),
        ("the operator", OPERATOR),
        ("own key", &*ada.key),
    ];
    let mut table = String::from("operation");
    for (name, _) in callers {
        write!(table, " | {name}").unwrap();
    }
    let mut endpoints: Vec<_> = CONTRACT
        .endpoints()
        .filter(|endpoint| !endpoint.is_open() && served(endpoint.id()))
        .collect();
    endpoints.sort_by_key(|endpoint| match endpoint.id() {
        "stop-instance" => 1,
        "start-instance" => 2,
        "delete-agent" => 4,
        "delete-instance" => 5,
        _ if endpoint.method() == "DELETE" => 3,
        _ => 0,
    });
    for endpoint in endpoints {
        write!(table, "\n{} {}", endpoint.method(), endpoint.path()).unwrap();
        for (_, key) in callers {
            let path = things.path(endpoint);
            let reply = rig
                .send(request(key, endpoint.method(), &path, body(endpoint)))
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
