//! Logs for specs of views.

use chrono::{DateTime, TimeDelta};
use reef_domain::{Actor, ActorKind, AnyEvent, Envelope, Metadata};
use serde_json::Value;

use crate::{Projection, views::all};

/// One event of every type and version, as stored.
pub(in crate::views) fn fixtures() -> Vec<AnyEvent> {
    let kept = include_str!("../../../../domain/fixtures/events.json");
    let kept: Vec<Value> = serde_json::from_str(kept).unwrap();
    let decode = |kept: &Value| {
        let version = kept["event_version"].as_u64().unwrap().try_into().unwrap();
        let text = |field: &str| kept[field].as_str().unwrap();
        AnyEvent::decode(
            text("aggregate_type"),
            text("event_type"),
            version,
            &kept["payload"].to_string(),
        )
    };
    kept.iter().map(|kept| decode(kept).unwrap()).collect()
}

/// The event as the log has it, a second per position.
pub(in crate::views) fn envelope(position: u64, id: &str, event: impl Into<AnyEvent>) -> Envelope {
    let event = event.into();
    Envelope {
        position,
        aggregate_type: event.aggregate_type(),
        aggregate_id: id.into(),
        sequence: position,
        account_id: Some("acc_1".into()),
        recorded_at: at(position),
        metadata: Metadata {
            event_id: format!("event-{position}"),
            actor: Actor::new(ActorKind::Operator, "operator"),
            dialect: "native".to_owned(),
            correlation_id: "spec".to_owned(),
            causation_id: None,
        },
        payload: event.to_payload().into(),
        event,
    }
}

/// When the event of that position was recorded.
pub(in crate::views) fn at(position: u64) -> DateTime<chrono::Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + i64::try_from(position).unwrap())
}

/// The document of that id after these events of one stream.
pub(in crate::views) fn doc<P: Projection>(
    stream: &str,
    id: &str,
    events: impl IntoIterator<Item = impl Into<AnyEvent>>,
) -> Option<P::Doc> {
    let view = all()
        .into_iter()
        .find(|view| view.name() == P::NAME)
        .expect("the view is listed");
    let log: Vec<Envelope> = (1..)
        .zip(events)
        .map(|(position, event)| envelope(position, stream, event))
        .collect();
    let docs = super::build(view.as_ref(), &log);
    docs.get(id)
        .map(|doc| doc.downcast_ref::<P::Doc>().expect("its own document").clone())
}

/// Every aggregate type lives through each of its fixtures that ends nothing, under its own id.
pub(in crate::views) fn story() -> Vec<Envelope> {
    let ends = [
        "Deleted",
        "Closed",
        "Purged",
        "Withdrawn",
        "Revoked",
        "Destroyed",
        "Removed",
        "Released",
    ];
    let lasting = fixtures()
        .into_iter()
        .filter(|e| !ends.iter().any(|end| e.event_type().ends_with(end)));
    (1..)
        .zip(lasting)
        .map(|(position, event)| envelope(position, stream_of(&event), event))
        .collect()
}

/// The stream the fixtures of an aggregate type belong to.
fn stream_of(event: &AnyEvent) -> &'static str {
    match event {
        AnyEvent::Account(_) | AnyEvent::Ledger(_) | AnyEvent::Login(_) => "acc_x1y2z3a4",
        AnyEvent::Activity(_) | AnyEvent::Agent(_) | AnyEvent::Cron(_) | AnyEvent::WorkspaceFiles(_) => {
            "agt_7b2c1d3e"
        }
        AnyEvent::ApiKey(_) => "key_4f5e6d7c",
        AnyEvent::Conversation(_) => "conv_1a2b3c4d",
        AnyEvent::InviteCode(_) => "9f86d081",
        AnyEvent::Machine(_) => "inst_3c4d5e6f",
        AnyEvent::Policy(_) => "pol_8f3a2b1c",
        AnyEvent::ProvisioningJob(_) => "job_1a2b3c4d",
        AnyEvent::Reservation(_) => "email/tropic/00",
        AnyEvent::Runtime(_) => "rt_k1l2m3n4",
        AnyEvent::Secrets(_) => "agent/agt_7b2c1d3e",
        AnyEvent::Settings(_) => "usr_b1c2d3e4",
        AnyEvent::Skill(_) => "weather",
        AnyEvent::SkillInstallations(_) => "runtime/rt_k1l2m3n4",
        AnyEvent::Task(_) => "task_1a2b3c4d",
        AnyEvent::Template(_) => "tmpl_web-research",
        AnyEvent::Webhook(_) => "wh_1a2b3c4d",
    }
}
