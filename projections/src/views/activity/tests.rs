//! Specs of the view of activities.

use chrono::DateTime;
use reef_domain::activity::ActivityRecord;

use super::*;
use crate::views::kit::{Kit, at};

fn record(id: &str, keeper: Keeper) -> ActivityRecord {
    ActivityRecord {
        activity_id: id.into(),
        account_id: "acc_1".into(),
        runtime_id: "inst_1".into(),
        agent_id: "agt_1".into(),
        agent_slug: Some("news".to_owned()),
        sender: ActivitySender {
            kind: "agent".to_owned(),
            id: "news".to_owned(),
            name: "News".to_owned(),
        },
        keeper,
        content_sealed: "sealed".to_owned(),
    }
}

fn message(id: &str, keeper: Keeper) -> ActivityEvent {
    ActivityEvent::MessageSent {
        record: record(id, keeper),
        in_reply_to: Some("msg_0".into()),
    }
}

#[test]
fn each_sort_says_where_it_came_from() {
    let kit = Kit::<Activities>::new()
        .then(
            "agt_1",
            ActivityEvent::CronJobCompleted {
                record: record("msg_1", Keeper::Runtime),
                job_name: "price".to_owned(),
            },
        )
        .then("agt_1", message("msg_2", Keeper::Runtime))
        .then(
            "agt_1",
            ActivityEvent::ErrorReported {
                record: record("msg_3", Keeper::Runtime),
                code: "no_model".to_owned(),
                job_name: None,
            },
        );
    let cron = kit.doc("msg_1").unwrap();
    assert_eq!(
        (cron.kind, cron.source),
        (ActivityKind::CronJobCompleted, ActivitySource::Cron)
    );
    assert_eq!(
        (cron.job_name.as_deref(), cron.created_at),
        (Some("price"), at(1))
    );
    assert_eq!((cron.parent_id(), cron.status()), (Some("inst_1"), Some("cron")));
    let said = kit.doc("msg_2").unwrap();
    assert_eq!(
        (said.kind, said.source),
        (ActivityKind::AgentMessageSent, ActivitySource::Agent)
    );
    assert_eq!(said.in_reply_to, Some("msg_0".into()));
    let error = kit.doc("msg_3").unwrap();
    assert_eq!(
        (error.kind, error.source),
        (ActivityKind::AgentErrorReported, ActivitySource::Agent)
    );
}

#[test]
fn an_activity_goes_with_its_keeper() {
    let destroyed = RuntimeEvent::Destroyed {
        ran_until: Some(DateTime::UNIX_EPOCH),
    };
    let kit = Kit::<Activities>::new()
        .then("agt_1", message("msg_1", Keeper::Runtime))
        .then("agt_1", message("msg_2", Keeper::Agent))
        .then("agt_2", message("msg_3", Keeper::Runtime))
        .then("agt_1", AgentEvent::DeletionStarted {});
    assert_eq!(kit.ids(), ["msg_1", "msg_3"]);
    let kit = kit.then("inst_2", destroyed.clone());
    assert_eq!(kit.ids(), ["msg_1", "msg_3"]);
    assert!(kit.then("inst_1", destroyed).ids().is_empty());
}
