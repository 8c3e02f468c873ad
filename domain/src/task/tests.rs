//! Specs of the task.

use chrono::TimeZone;

use super::{TaskCommand as Do, TaskEvent as Did, TaskRefusal as No, *};
use crate::spec::given;

fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + second, 0).unwrap()
}

fn submit(description: &str) -> Do {
    Do::Submit {
        task_id: "task_1".into(),
        account_id: "acc_1".into(),
        agent_id: "agt_1".into(),
        user_id: None,
        description: description.to_owned(),
    }
}

fn submitted() -> Did {
    Did::Submitted {
        task_id: "task_1".into(),
        account_id: "acc_1".into(),
        agent_id: "agt_1".into(),
        user_id: None,
        description: "read the news".to_owned(),
    }
}

fn ask() -> Do {
    Do::RequestApproval {
        rule: "REQUIRE CONFIRM: news".to_owned(),
        reason: "news".to_owned(),
        expires_at: at(60),
    }
}

fn asked() -> Did {
    Did::ApprovalRequested {
        rule: "REQUIRE CONFIRM: news".to_owned(),
        reason: "news".to_owned(),
        expires_at: at(60),
    }
}

fn approve(second: i64) -> Do {
    Do::Approve {
        by: "user:usr_1".to_owned(),
        now: at(second),
    }
}

fn approved() -> Did {
    Did::Approved {
        by: "user:usr_1".to_owned(),
    }
}

fn reject(second: i64) -> Do {
    Do::Reject {
        by: "user:usr_1".to_owned(),
        now: at(second),
    }
}

fn rejected() -> Did {
    Did::Rejected {
        by: "user:usr_1".to_owned(),
    }
}

fn complete() -> Do {
    Do::Complete {
        result: "read".to_owned(),
        input_tokens: 3,
        output_tokens: 4,
    }
}

fn completed() -> Did {
    Did::Completed {
        agent_id: "agt_1".into(),
        result: "read".to_owned(),
        input_tokens: 3,
        output_tokens: 4,
    }
}

fn fail() -> Do {
    Do::Fail {
        code: "agent_stopped".to_owned(),
        reason: "the agent stopped".to_owned(),
    }
}

fn failed() -> Did {
    Did::Failed {
        code: "agent_stopped".to_owned(),
        reason: "the agent stopped".to_owned(),
    }
}

fn history(status: TaskStatus) -> Vec<Did> {
    let mut past = vec![submitted()];
    past.extend(match status {
        TaskStatus::Pending => vec![],
        TaskStatus::Running => vec![Did::Started {}],
        TaskStatus::AwaitingApproval => vec![Did::Started {}, asked()],
        TaskStatus::Completed => vec![Did::Started {}, completed()],
        TaskStatus::Rejected => vec![asked(), rejected()],
        TaskStatus::Failed => vec![failed()],
    });
    past
}

#[test]
fn every_history_leads_to_its_status() {
    for status in TaskStatus::ALL {
        assert_eq!(given::<Task>(history(status)).state().status, status);
    }
}

#[test]
fn it_is_submitted_once() {
    let done = given::<Task>([])
        .when(submit("read the news"))
        .then([submitted()]);
    assert_eq!(done.state().account_id(), Some(&AccountId::from("acc_1")));
    done.when(submit("read the news"))
        .refused(No::TaskAlreadySubmitted);
}

#[test]
fn descriptions_have_up_to_10_000_characters() {
    for bad in [
        String::new(),
        " \n ".to_owned(),
        "é".repeat(10_001),
        "a\0b".to_owned(),
    ] {
        given::<Task>([])
            .when(submit(&bad))
            .refused(No::DescriptionInvalid);
    }
    let longest = "é".repeat(10_000);
    assert!(given::<Task>([]).when(submit(&longest)).outcome().is_ok());
    assert!(
        given::<Task>([])
            .when(submit("𝔘𝔫𝔦\u{200d}code"))
            .outcome()
            .is_ok()
    );
}

#[test]
fn claiming_happens_once() {
    given::<Task>([submitted()])
        .when(Do::Start)
        .then([Did::Started {}])
        .when(Do::Start)
        .nothing();
    given::<Task>(history(TaskStatus::AwaitingApproval))
        .when(Do::Start)
        .refused(No::TaskNotRunning);
}

#[test]
fn approval_is_asked_for_before_or_while_it_runs() {
    for status in [TaskStatus::Pending, TaskStatus::Running] {
        given::<Task>(history(status))
            .when(ask())
            .then([asked()])
            .when(ask())
            .nothing();
    }
}

#[test]
fn an_approved_task_runs_and_may_ask_again() {
    let done = given::<Task>(history(TaskStatus::AwaitingApproval))
        .when(approve(59))
        .then([approved()]);
    assert_eq!(
        (done.state().status, done.state().approved),
        (TaskStatus::Running, true)
    );
    done.when(complete()).then([completed()]);
    let again = given::<Task>([submitted(), asked(), approved(), asked()]);
    assert!(!again.state().approved, "what is asked anew is not yet approved");
    let Ok(_) = again.when(approve(1)).outcome() else {
        panic!("refused")
    };
}

#[test]
fn a_rejected_task_is_over() {
    given::<Task>(history(TaskStatus::AwaitingApproval))
        .when(reject(1))
        .then([rejected()])
        .when(complete())
        .refused(No::TaskAlreadyEnded {
            status: TaskStatus::Rejected,
        });
}

#[test]
fn refusals_tell_unasked_resolved_expired_and_unknown_apart() {
    for decide in [approve, reject] {
        given::<Task>([]).when(decide(1)).refused(No::TaskNotFound);
        for status in [TaskStatus::Pending, TaskStatus::Running, TaskStatus::Completed] {
            given::<Task>(history(status))
                .when(decide(1))
                .refused(No::NotAwaitingApproval);
        }
        given::<Task>([submitted(), asked(), approved()])
            .when(decide(1))
            .refused(No::ApprovalAlreadyResolved {
                how: Resolution::Approved,
            });
        given::<Task>([submitted(), asked(), rejected()])
            .when(decide(1))
            .refused(No::ApprovalAlreadyResolved {
                how: Resolution::Rejected,
            });
        given::<Task>([submitted(), asked(), failed()])
            .when(decide(1))
            .refused(No::ApprovalAlreadyResolved {
                how: Resolution::Withdrawn,
            });
        given::<Task>([submitted(), asked(), Did::ApprovalExpired {}])
            .when(decide(1))
            .refused(No::ApprovalExpired);
        given::<Task>([submitted(), asked()])
            .when(decide(60))
            .refused(No::ApprovalExpired);
    }
}

#[test]
fn an_approval_expires_once_and_only_when_due() {
    let expire = |second| Do::Expire { now: at(second) };
    let done = given::<Task>([submitted(), asked()])
        .when(expire(59))
        .nothing()
        .when(expire(60))
        .then([Did::ApprovalExpired {}]);
    assert_eq!(done.state().status, TaskStatus::Failed);
    done.when(expire(61)).nothing();
    given::<Task>([submitted(), asked(), approved()])
        .when(expire(61))
        .nothing();
    given::<Task>([submitted()]).when(expire(61)).nothing();
}

#[test]
fn completing_needs_a_running_task_and_happens_once() {
    given::<Task>(history(TaskStatus::Running))
        .when(complete())
        .then([completed()])
        .when(complete())
        .nothing();
    for status in [TaskStatus::Pending, TaskStatus::AwaitingApproval] {
        given::<Task>(history(status))
            .when(complete())
            .refused(No::TaskNotRunning);
    }
}

#[test]
fn failing_ends_whatever_is_open() {
    for status in [
        TaskStatus::Pending,
        TaskStatus::Running,
        TaskStatus::AwaitingApproval,
    ] {
        given::<Task>(history(status))
            .when(fail())
            .then([failed()])
            .when(fail())
            .nothing();
    }
    for status in [TaskStatus::Completed, TaskStatus::Rejected] {
        given::<Task>(history(status))
            .when(fail())
            .refused(No::TaskAlreadyEnded { status });
    }
}
