//! Credentials.

use reef_commands::{
    Secrets,
    ports::runtime::{EnvironmentAt, EnvironmentLookup as _, SecretLookup as _},
};
use serde_json::json;

use super::{client::Tropic, covers, on_both_databases};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(
    a_claude_key_is_never_shown,
    a_claude_key_reaches_the_vm_with_its_next_start,
    the_ssh_key_is_shown_once
);

const KEY: &str = "sk-ant-api03-a-secret-nobody-may-see";

async fn a_claude_key_is_never_shown(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&[
        "tropic.save-claude-key.1",
        "tropic.save-claude-key.3",
        "tropic.save-claude-key.4",
    ]);
    for key in [KEY, "sk-ant-api03-another", KEY] {
        let body = json!({ "apiKey": key });
        assert_eq!(
            ada.ok("save-claude-key", &[], Some(body)).await,
            json!({ "success": true })
        );
    }
    let secrets = rig
        .get(&ada.key, &format!("/v1/views/secrets/user%2F{}", ada.user))
        .await
        .ok();
    assert_eq!(secrets.body["names"].as_array().unwrap().len(), 1);
    assert_eq!(secrets.body["names"][0]["name"], "anthropic_api_key");
    for bad in [
        json!({}),
        json!({ "apiKey": "" }),
        json!({ "apiKey": "sk-live-x" }),
        json!({ "apiKey": 5 }),
    ] {
        ada.fails("save-claude-key", &[], Some(bad), 400).await;
    }
    let message = ada
        .fails(
            "save-claude-key",
            &[],
            Some(json!({ "apiKey": "secret-of-mine" })),
            400,
        )
        .await;
    assert!(!message.contains("secret-of-mine"), "{message}");
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(!log.text.contains(KEY) && !secrets.text.contains(KEY));
}

async fn a_claude_key_reaches_the_vm_with_its_next_start(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    let agent = ada.agent("Clownfish", None).await;
    let on_vm = async || {
        let secrets = Secrets::new(rig.bus.clone());
        let found = secrets.secret(&agent.as_str().into(), "anthropic_api_key").await;
        found.unwrap().map(|secret| secret.0.to_string())
    };
    let save = async |key: &str| {
        let body = json!({ "apiKey": key });
        ada.ok("save-claude-key", &[], Some(body)).await;
    };
    let restart = async || {
        ada.ok("stop-vm", &[], None).await;
        ada.becomes("get-vm-status", &[], "status", "stopped").await;
        ada.running_vm().await;
    };
    ada.running_vm().await;
    let on = rig
        .get(OPERATOR, &format!("/v1/views/agents/{agent}"))
        .await
        .ok()
        .body;
    let vm = on["runtime_id"].as_str().unwrap().into();
    for at in [EnvironmentAt::LastStart, EnvironmentAt::NextStart] {
        let secrets = Secrets::new(rig.bus.clone());
        let variables = secrets.environment(&vm, at).await.unwrap();
        assert!(variables.is_none(), "they are no variables of its processes");
    }
    covers(&["tropic.save-claude-key.2"]);
    save("sk-ant-first").await;
    assert_eq!(on_vm().await, None);
    restart().await;
    assert_eq!(on_vm().await.as_deref(), Some("sk-ant-first"));
    save("sk-ant-second").await;
    assert_eq!(on_vm().await.as_deref(), Some("sk-ant-first"), "not at once");
    restart().await;
    assert_eq!(on_vm().await.as_deref(), Some("sk-ant-second"));
}

async fn the_ssh_key_is_shown_once(rig: &Rig) {
    let ada = Tropic::user(rig, "ada").await;
    covers(&["tropic.download-ssh-key.4", "tropic.start-vm.8"]);
    ada.fails("download-ssh-key", &[], None, 404).await;
    ada.running_vm().await;

    covers(&[
        "tropic.download-ssh-key.1",
        "tropic.download-ssh-key.2",
        "tropic.download-ssh-key.5",
    ]);
    covers(&["tropic.download-ssh-key.3", "tropic.download-ssh-key.6"]);
    let (one, two) = tokio::join!(
        ada.call("download-ssh-key", &[], None),
        ada.call("download-ssh-key", &[], None)
    );
    let (shown, refused) = if one.status == 200 { (one, two) } else { (two, one) };
    assert_eq!((shown.status, refused.status), (200, 404));
    assert_eq!(shown.header("content-type"), "application/x-pem-file");
    assert_eq!(shown.header("cache-control"), "no-store");
    let file = format!("attachment; filename=\"tropic-{}.pem\"", ada.user);
    assert_eq!(shown.header("content-disposition"), file);
    assert!(shown.text.starts_with("-----BEGIN ") && shown.text.ends_with("PRIVATE KEY-----\n"));
    ada.fails("download-ssh-key", &[], None, 404).await;
    let secret = shown.text.lines().nth(1).unwrap();
    let log = rig.get(OPERATOR, "/v1/events?limit=1000").await.ok();
    assert!(!log.text.contains(secret));
}
