//! What a subscriber of Thermidora's form gets to read.

use chrono::DateTime;
use reef_domain::{
    Actor, ActorKind, Metadata,
    activity::{ActivityRecord, ActivitySender, Keeper},
};

use super::*;
use crate::{activity::seal_activity, memory::MemoryStore, ports::VaultOwner, spec::World};

async fn record(vault: &MemoryStore, content: &str) -> ActivityRecord {
    let mut record = ActivityRecord {
        activity_id: "msg_1".into(),
        account_id: "acc_1".into(),
        runtime_id: "inst_1".into(),
        agent_id: "agt_1".into(),
        agent_slug: Some("my-agent".to_owned()),
        sender: ActivitySender {
            kind: "agent".to_owned(),
            id: "my-agent".to_owned(),
            name: "My agent".to_owned(),
        },
        keeper: Keeper::Runtime,
        content_sealed: String::new(),
    };
    record.content_sealed = seal_activity(vault, &record, content).await.unwrap().0;
    record
}

fn envelope(event: ActivityEvent) -> Envelope {
    Envelope {
        position: 7,
        aggregate_type: "activity",
        aggregate_id: "agt_1".into(),
        sequence: 1,
        account_id: Some("acc_1".into()),
        recorded_at: DateTime::from_timestamp(1_775_552_400, 0).unwrap(),
        metadata: Metadata {
            event_id: "e".to_owned(),
            actor: Actor::new(ActorKind::Node, "inst_1"),
            dialect: "thermidora".to_owned(),
            correlation_id: "c".to_owned(),
            causation_id: None,
        },
        event: AnyEvent::Activity(event),
        payload: "{}".into(),
    }
}

#[tokio::test]
async fn a_cron_result_reads_as_the_document_shows_it() {
    let vault = World::new().store;
    let event = ActivityEvent::CronJobCompleted {
        record: record(&vault, "Bitcoin price: $69,327 USD").await,
        job_name: "bitcoin-price-check".to_owned(),
    };
    let (name, body) = message(&*vault, &Webhook::default(), &envelope(event))
        .await
        .unwrap();
    assert_eq!(name, "cron.completed");
    assert_eq!(
        body,
        r#"{"eventType":"cron.completed","instanceId":"inst_1","agentSlug":"my-agent","data":{"content":"Bitcoin price: $69,327 USD","jobName":"bitcoin-price-check"},"timestamp":"2026-04-07T09:00:00.000Z"}"#
    );
}

#[tokio::test]
async fn a_message_has_its_sender_and_an_error_its_text() {
    let vault = World::new().store;
    let sent = ActivityEvent::MessageSent {
        record: record(&vault, "Hello").await,
        in_reply_to: None,
    };
    let (name, body) = message(&*vault, &Webhook::default(), &envelope(sent))
        .await
        .unwrap();
    assert_eq!(name, "agent.message");
    assert!(
        body.contains(r#""data":{"messageId":"msg_1","content":"Hello","sender":{"type":"agent","id":"my-agent","name":"My agent"}}"#),
        "{body}"
    );
    let failed = ActivityEvent::ErrorReported {
        record: record(&vault, "no model").await,
        code: "x".to_owned(),
        job_name: None,
    };
    let (name, body) = message(&*vault, &Webhook::default(), &envelope(failed))
        .await
        .unwrap();
    assert_eq!(name, "agent.error");
    assert!(body.contains(r#""data":{"message":"no model"}"#), "{body}");
}

#[tokio::test]
async fn what_was_deleted_for_good_is_not_sent() {
    let vault = World::new().store;
    let event = ActivityEvent::MessageSent {
        record: record(&vault, "Hello").await,
        in_reply_to: None,
    };
    vault
        .destroy(&VaultOwner::new("runtime", "inst_1"))
        .await
        .unwrap();
    let made = message(&*vault, &Webhook::default(), &envelope(event)).await;
    assert!(matches!(made, Err(Unmade::ForGood(reason)) if reason == "its content was deleted"));
}
