//! Specs of activity.

use super::*;
use crate::spec::given;

fn record(id: &str) -> ActivityRecord {
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
        keeper: Keeper::Runtime,
        content_sealed: "sealed".to_owned(),
    }
}

fn complete(id: &str, job_name: &str) -> ActivityCommand {
    ActivityCommand::CompleteCronJob {
        record: record(id),
        job_name: job_name.to_owned(),
    }
}

fn completed(id: &str) -> ActivityEvent {
    ActivityEvent::CronJobCompleted {
        record: record(id),
        job_name: "price".to_owned(),
    }
}

#[test]
fn each_sort_is_recorded_as_it_was_reported() {
    given::<Activity>([])
        .when(complete("msg_1", " price "))
        .then([completed("msg_1")]);
    given::<Activity>([completed("msg_1")])
        .when(ActivityCommand::SendMessage {
            record: record("msg_2"),
            in_reply_to: Some("msg_0".into()),
        })
        .then([ActivityEvent::MessageSent {
            record: record("msg_2"),
            in_reply_to: Some("msg_0".into()),
        }]);
    given::<Activity>([completed("msg_1")])
        .when(ActivityCommand::ReportError {
            record: record("msg_3"),
            code: "no_model\0".to_owned(),
            job_name: Some("price".to_owned()),
        })
        .then([ActivityEvent::ErrorReported {
            record: record("msg_3"),
            code: "no_model".to_owned(),
            job_name: Some("price".to_owned()),
        }]);
}

#[test]
fn a_report_that_comes_again_changes_nothing() {
    given::<Activity>([completed("msg_1"), completed("msg_2")])
        .when(complete("msg_1", "price"))
        .then([]);
}

#[test]
fn a_job_has_a_name() {
    for name in ["", "  ", &"x".repeat(201), "a\nb"] {
        given::<Activity>([])
            .when(complete("msg_1", name))
            .refused(ActivityRefusal::JobNameInvalid);
    }
}

#[test]
fn what_a_stream_remembers_stays_small() {
    let mut activity = Activity::default();
    for number in 0..1000 {
        activity.evolve(&completed(&format!("msg_{number}")));
    }
    assert_eq!((activity.count, activity.recent.len()), (1000, REMEMBERED));
    assert_eq!(activity.recent.back(), Some(&"msg_999".into()));
}

#[test]
fn the_keeper_is_whose_deletion_takes_the_content_along() {
    for dialect in Dialect::ALL {
        let outlives = Keeper::of(dialect) == Keeper::Runtime;
        assert_eq!(outlives, dialect == Dialect::Thermidora);
    }
    let by_agent = ActivityRecord {
        keeper: Keeper::Agent,
        ..record("msg_1")
    };
    assert_eq!(
        (record("msg_1").keeper_id(), by_agent.keeper_id()),
        ("inst_1", "agt_1")
    );
}
