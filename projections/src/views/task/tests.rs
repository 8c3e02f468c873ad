//! Specs of the view of tasks.

use super::*;
use crate::views::kit::{Kit, at};

fn submitted() -> Kit<Tasks> {
    Kit::new().then(
        "task_1",
        TaskEvent::Submitted {
            task_id: "task_1".into(),
            account_id: "acc_1".into(),
            agent_id: "agt_1".into(),
            user_id: None,
            description: "read the news".to_owned(),
        },
    )
}

fn asked(rule: &str) -> TaskEvent {
    TaskEvent::ApprovalRequested {
        rule: rule.to_owned(),
        reason: "news".to_owned(),
        expires_at: at(60),
    }
}

#[test]
fn an_approved_task_shows_every_step_with_its_time() {
    let done = TaskEvent::Completed {
        agent_id: "agt_1".into(),
        result: "read".to_owned(),
        input_tokens: 3,
        output_tokens: 4,
    };
    let kit = submitted()
        .then("task_1", TaskEvent::Started {})
        .then("task_1", asked("REQUIRE CONFIRM: news"))
        .then(
            "task_1",
            TaskEvent::Approved {
                by: "user:usr_1".to_owned(),
            },
        )
        .then("task_1", done);
    let doc = kit.doc("task_1").unwrap();
    let steps: Vec<_> = doc.history.iter().map(|step| (step.status, step.at)).collect();
    let expected = [
        (TaskStatus::Pending, at(1)),
        (TaskStatus::Running, at(2)),
        (TaskStatus::AwaitingApproval, at(3)),
        (TaskStatus::Running, at(4)),
        (TaskStatus::Completed, at(5)),
    ];
    assert_eq!(steps, expected);
    assert_eq!((doc.status, doc.updated_at), (TaskStatus::Completed, at(5)));
    assert_eq!(doc.matched_rule.as_deref(), Some("REQUIRE CONFIRM: news"));
    let approval = doc.approval.as_ref().unwrap();
    assert_eq!(approval.resolution, Some(Resolution::Approved));
    assert_eq!(
        (approval.decided_by.as_deref(), approval.resolved_at),
        (Some("user:usr_1"), Some(at(4)))
    );
    assert_eq!(
        (doc.result.as_deref(), doc.usage.output_tokens),
        (Some("read"), 4)
    );
}

#[test]
fn without_a_matching_rule_none_is_shown() {
    let kit = submitted().then("task_1", asked(""));
    let doc = kit.doc("task_1").unwrap();
    assert_eq!(
        (doc.matched_rule.clone(), doc.status()),
        (None, Some("awaiting_approval"))
    );
}

#[test]
fn an_expired_approval_fails_the_task_and_names_nobody() {
    let kit = submitted()
        .then("task_1", asked("r"))
        .then("task_1", TaskEvent::ApprovalExpired {});
    let doc = kit.doc("task_1").unwrap();
    assert_eq!(doc.failure.as_ref().unwrap().code, "approval_expired");
    let approval = doc.approval.as_ref().unwrap();
    assert_eq!(
        (approval.resolution, approval.decided_by.clone()),
        (Some(Resolution::Expired), None)
    );
}

#[test]
fn a_task_that_fails_while_it_waits_takes_its_approval_back() {
    let failed = TaskEvent::Failed {
        code: "agent_stopped".to_owned(),
        reason: "stopped".to_owned(),
    };
    let kit = submitted().then("task_1", asked("r")).then("task_1", failed);
    let doc = kit.doc("task_1").unwrap();
    assert_eq!(
        doc.approval.as_ref().unwrap().resolution,
        Some(Resolution::Withdrawn)
    );
    assert_eq!(doc.status, TaskStatus::Failed);
}

#[test]
fn tasks_go_with_their_agent_at_once_and_do_not_come_back() {
    let other = TaskEvent::Submitted {
        task_id: "task_2".into(),
        account_id: "acc_1".into(),
        agent_id: "agt_2".into(),
        user_id: None,
        description: "another agent's".to_owned(),
    };
    let failed = TaskEvent::Failed {
        code: "agent_deleted".to_owned(),
        reason: "deleted".to_owned(),
    };
    let kit = submitted()
        .then("task_2", other)
        .then("agt_1", AgentEvent::DeletionStarted {})
        .then("task_1", failed)
        .then("agt_1", AgentEvent::Deleted {});
    assert_eq!(kit.ids(), ["task_2"]);
}
