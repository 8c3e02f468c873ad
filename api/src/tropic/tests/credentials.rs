//! Credentials.

use serde_json::json;

use super::{client::Tropic, covers, on_both_databases};
use crate::rig::{OPERATOR, Rig};

on_both_databases!(a_claude_key_is_never_shown, the_ssh_key_is_shown_once);

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
