//! Instances: made, started, stopped, deleted, and paid for.

use serde_json::{Value, json};

use super::{
    client::{Thermidora, each, server},
    covers, on_both_databases,
};
use crate::rig::{Database, OPERATOR, Rig};

on_both_databases!(
    an_instance_comes_up_by_itself_and_stops_when_asked,
    instances_are_shown_as_they_are,
    an_instance_goes_with_all_its_data,
    what_runs_is_paid_for_until_nothing_is_left,
);

/// A new instance that runs.
pub(super) async fn instance(ada: &Thermidora<'_>, name: &str) -> String {
    let made = ada
        .ok("create-instance", &[], Some(json!({ "name": name })))
        .await;
    let id = made["instanceId"].as_str().unwrap().to_owned();
    ada.becomes("get-instance", &[&id], "status", "running").await;
    id
}

/// Whatever is said again and again until it is so.
pub(super) async fn gone(ada: &Thermidora<'_>, id: &str) {
    for _ in 0..3000 {
        let reply = ada.call("get-instance", &[id], None).await;
        if reply.status == 404 {
            return;
        }
        assert_eq!(reply.body["status"], "destroying", "{}", reply.text);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{id} is not gone");
}

async fn an_instance_comes_up_by_itself_and_stops_when_asked(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&[
        "thermidora.create-instance.1",
        "thermidora.create-instance.2",
        "thermidora.create-instance.4",
        "thermidora.get-instance.1",
        "thermidora.get-instance.2",
        "thermidora.get-instance.3",
    ]);
    let named = || Some(json!({ "name": "my-agents" }));
    let made = ada.ok("create-instance", &[], named()).await;
    let id = made["instanceId"].as_str().unwrap();
    let digits = id.strip_prefix("inst_").unwrap();
    assert!(
        digits.len() == 12
            && digits
                .chars()
                .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)),
        "{id}"
    );
    assert_eq!(
        made,
        json!({ "instanceId": id, "name": "my-agents", "status": "provisioning", "agents": [] })
    );
    let running = ada.becomes("get-instance", &[id], "status", "running").await;
    assert_eq!(running["agents"], json!([]));
    assert!(running["startedAt"].is_string());
    let other = ada.ok("create-instance", &[], named()).await;
    assert_ne!(other["instanceId"], id, "names need not be unique");
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": null }),
        json!({ "name": "x".repeat(65) }),
    ] {
        ada.fails("create-instance", &[], Some(body), 400).await;
    }

    covers(&[
        "thermidora.stop-instance.1",
        "thermidora.stop-instance.2",
        "thermidora.stop-instance.3",
    ]);
    let stopped = json!({ "instanceId": id, "status": "stopped" });
    assert_eq!(ada.ok("stop-instance", &[id], None).await, stopped);
    assert_eq!(ada.ok("stop-instance", &[id], None).await, stopped);
    let shown = ada.ok("get-instance", &[id], None).await;
    assert_eq!(
        (&shown["status"], &shown["startedAt"]),
        (&json!("stopped"), &running["startedAt"])
    );
    let later = ada.ok("get-instance", &[id], None).await;
    assert_eq!(
        later["totalRuntimeMs"], shown["totalRuntimeMs"],
        "it stands still while stopped"
    );

    covers(&["thermidora.start-instance.1", "thermidora.start-instance.3"]);
    let up = json!({ "instanceId": id, "status": "running" });
    assert_eq!(ada.ok("start-instance", &[id], None).await, up);
    assert_eq!(ada.ok("start-instance", &[id], None).await, up);
    let again = ada.ok("get-instance", &[id], None).await;
    assert!(again["startedAt"].as_str() > running["startedAt"].as_str());
    let events = ada.events("runtime", id).await;
    let count = |name: &str| events.iter().filter(|event| *event == name).count();
    assert_eq!(
        (
            count("RuntimeStopRequested"),
            count("RuntimeStartRequested"),
            count("RuntimeRunning")
        ),
        (1, 1, 2),
        "what changes nothing is no event: {events:?}"
    );

    covers(&["thermidora.x.3"]);
    let bob = Thermidora::account(rig, "bob").await;
    for endpoint in [
        "get-instance",
        "start-instance",
        "stop-instance",
        "delete-instance",
        "list-agents",
    ] {
        assert_eq!(bob.fails(endpoint, &[id], None, 404).await, "Instance not found");
        ada.fails(endpoint, &["inst_000000000000"], None, 404).await;
        ada.fails(endpoint, &["a%20b"], None, 404).await;
    }
}

async fn instances_are_shown_as_they_are(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&[
        "thermidora.list-instances.1",
        "thermidora.list-instances.2",
        "thermidora.list-instances.3",
        "thermidora.start-instance.4",
    ]);
    assert_eq!(
        ada.ok("list-instances", &[], None).await,
        json!({ "instances": [] })
    );
    let (first, second) = (instance(&ada, "first").await, instance(&ada, "second").await);
    let listed = ada.ok("list-instances", &[], None).await;
    assert_eq!(each(&listed["instances"], "instanceId"), [&second, &first]);
    assert_eq!(each(&listed["instances"], "status"), ["running", "running"]);
    // It dies behind the server's back.
    let files = &rig.bus.services().workspace;
    files.purge(&first.as_str().into()).await.unwrap();
    let listed = ada.ok("list-instances", &[], None).await;
    assert_eq!(each(&listed["instances"], "status"), ["running", "error"]);
    assert_eq!(ada.ok("get-instance", &[&first], None).await["status"], "error");
    let up = ada.ok("start-instance", &[&first], None).await;
    assert_eq!(up["status"], "running");
    assert!(
        ada.events("runtime", &first)
            .await
            .contains(&"RuntimeFailed".to_owned())
    );
    ada.ok("delete-instance", &[&first], None).await;
    gone(&ada, &first).await;
    let listed = ada.ok("list-instances", &[], None).await;
    assert_eq!(each(&listed["instances"], "instanceId"), [&second]);
    let bob = Thermidora::account(rig, "bob").await;
    assert_eq!(
        bob.ok("list-instances", &[], None).await,
        json!({ "instances": [] })
    );
}

async fn an_instance_goes_with_all_its_data(rig: &Rig) {
    let ada = Thermidora::account(rig, "ada").await;
    covers(&[
        "thermidora.delete-instance.1",
        "thermidora.delete-instance.2",
        "thermidora.delete-instance.3",
    ]);
    let id = instance(&ada, "my-agents").await;
    let agent = super::agents::agent(&ada, &id, "support-bot").await;
    ada.ok(
        "send-message",
        &[&id, &agent],
        Some(json!({ "message": "My dog is called Rex." })),
    )
    .await;
    let deleted = ada.ok("delete-instance", &[&id], None).await;
    assert_eq!(deleted, json!({ "instanceId": id, "status": "destroying" }));
    gone(&ada, &id).await;
    ada.fails("delete-instance", &[&id], None, 404).await;
    ada.fails("list-agents", &[&id], None, 404).await;
    for view in [
        "agents",
        "messages",
        "conversations",
        "workspace_files",
        "runtimes",
    ] {
        let left = rig.get(OPERATOR, &format!("/v1/views/{view}")).await.ok();
        assert_eq!(left.body["data"], json!([]), "{view}");
    }
    for _ in 0..3000 {
        if ada.events("agent", &agent).await.last().unwrap() == "AgentDeleted" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(ada.events("agent", &agent).await.last().unwrap(), "AgentDeleted");
    let key = reef_commands::ports::VaultOwner::new("agent", &agent);
    let sealed = rig.bus.services().vault.seal(&key, "anything", b"x").await;
    assert_eq!(
        sealed,
        Err(reef_commands::ports::VaultError::Destroyed),
        "nothing of it can be read again"
    );
}

/// A second at a dollar each.
fn dear() -> Value {
    json!({
        "id": "dear", "name": "Dear", "price_micro_per_hour": 3_600_000_000_u64,
        "metering_interval_s": 1, "charge_quantum_micro": 1, "max_active_agents": 100,
    })
}

async fn what_runs_is_paid_for_until_nothing_is_left(rig: &Rig) {
    let ada = Thermidora::poor_account(rig, "ada").await;
    covers(&["thermidora.get-instance.4", "thermidora.get-instance.5"]);
    let named = || Some(json!({ "name": "my-agents" }));
    let message = ada.fails("create-instance", &[], named(), 402).await;
    assert!(message.contains("balance"), "{message}");
    let grant = |amount: u64| json!({ "account_id": ada.account, "amount_micro": amount });
    rig.command(OPERATOR, "GrantCredits", grant(2_500_000)).await.ok();
    let plan = json!({ "account_id": ada.account, "plan": dear() });
    rig.command(OPERATOR, "AssignPlan", plan).await.ok();
    let id = instance(&ada, "my-agents").await;
    let (mut before, mut grew) = (0, 0);
    let last = loop {
        let shown = ada.ok("get-instance", &[&id], None).await;
        let (ran, billed) = (
            shown["totalRuntimeMs"].as_u64().unwrap(),
            shown["billedMs"].as_u64().unwrap(),
        );
        assert!(billed <= ran && before <= billed, "{shown}");
        grew += u32::from(billed > before);
        before = billed;
        if shown["status"] == "stopped" {
            break shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(grew >= 2, "billed in steps of a second");
    assert_eq!(last["billedMs"], 2500, "what no balance covered is not billed");
    assert!(last["totalRuntimeMs"].as_u64() >= Some(2500));
    let ledger = rig
        .get(OPERATOR, &format!("/v1/views/ledgers/{}", ada.account))
        .await
        .ok();
    assert_eq!(
        (&ledger.body["unit"], &ledger.body["balance_micro"]),
        (&json!("usd"), &json!(0))
    );
    ada.fails("start-instance", &[&id], None, 402).await;
    ada.fails("create-instance", &[], named(), 402).await;
    rig.command(OPERATOR, "GrantCredits", grant(50_000_000))
        .await
        .ok();
    ada.ok("start-instance", &[&id], None).await;
    ada.ok("stop-instance", &[&id], None).await;
}

/// A server whose infrastructure is missing.
async fn without_infrastructure(database: Database) -> Rig {
    server(database, |config| "nowhere".clone_into(&mut config.vm_provider)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_up_is_in_error_and_can_be_deleted() {
    let rig = without_infrastructure(Database::sqlite()).await;
    let ada = Thermidora::account(&rig, "ada").await;
    covers(&[
        "thermidora.create-instance.3",
        "thermidora.delete-instance.4",
        "thermidora.delete-instance.5",
        "thermidora.x.10",
    ]);
    let made = ada
        .ok("create-instance", &[], Some(json!({ "name": "my-agents" })))
        .await;
    let id = made["instanceId"].as_str().unwrap();
    assert_eq!(made["status"], "provisioning");
    let failed = ada.becomes("get-instance", &[id], "status", "error").await;
    assert_eq!(
        (&failed["startedAt"], &failed["totalRuntimeMs"]),
        (&Value::Null, &json!(0))
    );
    let reason = ada.fails("start-instance", &[id], None, 500).await;
    assert!(!reason.is_empty());
    let new = json!({ "name": "a", "slug": "ab", "displayName": "A" });
    ada.fails("create-agent", &[id], Some(new.clone()), 503).await;
    // Nobody is there to remove it: it stays on its way out.
    for _ in 0..2 {
        let deleted = ada.ok("delete-instance", &[id], None).await;
        assert_eq!(deleted["status"], "destroying");
    }
    assert_eq!(ada.ok("get-instance", &[id], None).await["status"], "destroying");
    for (endpoint, args, body) in [
        ("list-agents", vec![id], None),
        ("create-agent", vec![id], Some(new)),
        ("get-agent", vec![id, "agt_1"], None),
        ("update-agent", vec![id, "agt_1"], Some(json!({}))),
        ("delete-agent", vec![id, "agt_1"], None),
        (
            "send-message",
            vec![id, "agt_1"],
            Some(json!({ "message": "Hello" })),
        ),
        ("list-messages", vec![id, "agt_1"], None),
        ("start-instance", vec![id], None),
        ("stop-instance", vec![id], None),
    ] {
        assert_eq!(ada.fails(endpoint, &args, body, 404).await, "Instance not found");
    }
    rig.stop().await;
}
