//! Secrets of an instance.

use reef_commands::{
    Secrets,
    ports::runtime::{EnvironmentAt, EnvironmentLookup as _, SecretLookup as _},
};
use reef_domain::{AgentId, RuntimeId};
use serde_json::json;

use super::{agents::agent, client::Thermidora, covers, instances::instance, on_both_databases};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    keys_are_listed_and_values_never,
    a_running_instance_restarts_to_see_them,
    of_another_or_a_leaving_instance_there_are_none,
);

const VALUE: &str = "sk-4711-very-secret";

async fn keys_are_listed_and_values_never(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let instance = instance(&ada, "home").await;
    let at = [instance.as_str()];
    let keys = async || ada.ok("list-secrets", &at, None).await;
    assert_eq!(keys().await, json!({ "secrets": [] }));

    covers(&[
        "thermidora.store-secrets.1",
        "thermidora.list-secrets.1",
        "thermidora.list-secrets.2",
    ]);
    let two = json!({ "secrets": { "SLACK_TOKEN": VALUE, "OPENAI_API_KEY": VALUE } });
    let stored = ada.ok("store-secrets", &at, Some(two)).await;
    assert_eq!(stored, json!({ "stored": 2, "restarting": true }));
    let listed = json!({ "secrets": [{ "key": "OPENAI_API_KEY" }, { "key": "SLACK_TOKEN" }] });
    assert_eq!(keys().await, listed);

    covers(&["thermidora.store-secrets.3"]);
    let again = json!({ "secrets": { "SLACK_TOKEN": "another-5813-value" } });
    let stored = ada.ok("store-secrets", &at, Some(again)).await;
    assert_eq!(stored["stored"], 1);
    assert_eq!(keys().await, listed);

    for body in [
        json!({}),
        json!({ "secrets": {} }),
        json!({ "secrets": { "NOT-A-NAME": "x" } }),
        json!({ "secrets": { "GOOD": "x", "2BAD": "x" } }),
        json!({ "secrets": { "": "x" } }),
        json!({ "secrets": { "EMPTY": "" } }),
        json!({ "secrets": { "NUL": "a\u{0}b" } }),
        json!({ "secrets": { "NUMBER": 5 } }),
        json!({ "secrets": ["A"] }),
    ] {
        ada.fails("store-secrets", &at, Some(body), 400).await;
    }
    assert_eq!(keys().await, listed, "all of them or none");

    covers(&["thermidora.store-secrets.6"]);
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    let kept = rig.files();
    for value in [VALUE, "another-5813-value"] {
        assert!(!log.text.contains(value));
        assert!(!kept.windows(value.len()).any(|bytes| bytes == value.as_bytes()));
    }

    covers(&["thermidora.delete-secret.1"]);
    let gone = ada.ok("delete-secret", &[&instance, "SLACK_TOKEN"], None).await;
    assert_eq!(
        gone,
        json!({ "key": "SLACK_TOKEN", "deleted": true, "restarting": true })
    );
    assert_eq!(keys().await, json!({ "secrets": [{ "key": "OPENAI_API_KEY" }] }));
    ada.fails("delete-secret", &[&instance, "SLACK_TOKEN"], None, 404)
        .await;
}

async fn a_running_instance_restarts_to_see_them(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    let instance = instance(&ada, "home").await;
    let agent = AgentId::from(agent(&ada, &instance, "agent-1").await);
    let lookup = Secrets::new(rig.bus.clone());
    let seen = async || {
        let found = lookup.secret(&agent, "openai_api_key").await.unwrap();
        found.map(|secret| secret.0.to_string())
    };
    let runtime = RuntimeId::from(instance.as_str());
    let environment = async |at: EnvironmentAt| {
        let variables = lookup.environment(&runtime, at).await.unwrap();
        let variables = variables.expect("secrets are its environment").into_iter();
        variables
            .map(|(name, value)| format!("{name}={}", *value.0))
            .collect::<Vec<_>>()
    };
    covers(&["thermidora.store-secrets.2", "thermidora.store-secrets.5"]);
    let store = |value: &str| Some(json!({ "secrets": { "OPENAI_API_KEY": value } }));
    ada.ok("store-secrets", &[&instance], store("one")).await;
    ada.until_events("runtime", &instance, "RuntimeRestarted", 1)
        .await;
    assert_eq!(seen().await.as_deref(), Some("one"));
    let types = ada.events("runtime", &instance).await;
    assert!(!types.iter().any(|kind| kind == "RuntimeStopped"), "{types:?}");
    let shown = ada.ok("get-instance", &[&instance], None).await;
    assert_eq!(shown["status"], "running");

    covers(&["thermidora.delete-secret.2"]);
    ada.ok("delete-secret", &[&instance, "OPENAI_API_KEY"], None)
        .await;
    assert_eq!(seen().await, None);
    ada.until_events("runtime", &instance, "RuntimeRestarted", 2)
        .await;

    covers(&["thermidora.store-secrets.4"]);
    ada.ok("stop-instance", &[&instance], None).await;
    ada.becomes("get-instance", &[&instance], "status", "stopped")
        .await;
    let stored = ada.ok("store-secrets", &[&instance], store("two")).await;
    assert_eq!(stored, json!({ "stored": 1, "restarting": false }));
    assert_eq!(seen().await, None, "in force at the next start");
    assert_eq!(environment(EnvironmentAt::LastStart).await, [""; 0]);
    assert_eq!(
        environment(EnvironmentAt::NextStart).await,
        ["OPENAI_API_KEY=two"]
    );
    covers(&["thermidora.start-instance.5"]);
    ada.ok("start-instance", &[&instance], None).await;
    ada.becomes("get-instance", &[&instance], "status", "running")
        .await;
    assert_eq!(seen().await.as_deref(), Some("two"));
    assert_eq!(
        environment(EnvironmentAt::LastStart).await,
        ["OPENAI_API_KEY=two"]
    );
    let types = ada.events("runtime", &instance).await;
    assert_eq!(types.iter().filter(|kind| *kind == "RuntimeRestarted").count(), 2);
}

async fn of_another_or_a_leaving_instance_there_are_none(rig: &Rig) {
    let (ada, eve) = (
        Thermidora::account(rig, "ada").await,
        Thermidora::account(rig, "eve").await,
    );
    let instance = instance(&ada, "home").await;
    let one = || Some(json!({ "secrets": { "A": "x" } }));
    ada.ok("store-secrets", &[&instance], one()).await;
    for id in [instance.as_str(), "inst_absent00000", "a%20b"] {
        eve.fails("list-secrets", &[id], None, 404).await;
        eve.fails("store-secrets", &[id], one(), 404).await;
        eve.fails("delete-secret", &[id, "A"], None, 404).await;
    }
    ada.ok("delete-instance", &[&instance], None).await;
    ada.fails("list-secrets", &[&instance], None, 404).await;
    ada.fails("store-secrets", &[&instance], one(), 404).await;
    ada.fails("delete-secret", &[&instance, "A"], None, 404).await;
    ada.until_events("secret", &format!("runtime/{instance}"), "SecretsPurged", 1)
        .await;
}
